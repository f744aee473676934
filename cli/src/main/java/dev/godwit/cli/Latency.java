package dev.godwit.cli;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A short time as users write it: {@code 2ms}, {@code 0.5ms}, {@code 500us}, {@code 1s}.
 *
 * @param time more than nothing
 */
record Latency(Duration time) {

    private static final Pattern TEXT = Pattern.compile("(\\d{1,6}(?:\\.\\d{1,3})?)(us|ms|s)");

    /**
     * {@return the time}
     *
     * @throws IllegalArgumentException if it is none; the message says what is expected
     */
    static Latency parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (matcher.matches()) {
            double unitNs = switch (matcher.group(2)) {
                case "us" -> 1e3;
                case "ms" -> 1e6;
                default -> 1e9;
            };
            Duration time = Duration.ofNanos(Math.round(Double.parseDouble(matcher.group(1)) * unitNs));
            if (time.isPositive()) {
                return new Latency(time);
            }
        }
        throw new IllegalArgumentException("'" + text + "' is no time such as 2ms, 500us or 1s");
    }
}
