package dev.godwit.transport;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers of bytes as people write them: {@code 512}, {@code 0x1000}, {@code 64K}, {@code 1.5G}. */
public final class ByteSize {

    private static final String SUFFIXES = "BKMGTPE";
    private static final int MAX_TEXT_LENGTH = 32;

    private ByteSize() {}

    /**
     * {@return the number of bytes that a text stands for} Suffixes are powers of 1024, in either case, optionally
     * followed by {@code B} or {@code iB}; a hexadecimal number takes none.
     *
     * @throws IllegalArgumentException if it is no size, is negative, is no whole number of bytes, or is more than 2^63
     *     - 1; the message says so for a user
     */
    public static long parse(String text) {
        String trimmed = text.trim();
        if (trimmed.isEmpty() || trimmed.length() > MAX_TEXT_LENGTH) {
            throw notASize(text);
        }
        try {
            if (trimmed.startsWith("0x") || trimmed.startsWith("0X")) {
                return positive(text, Long.parseLong(trimmed.substring(2), 16));
            }
            String upper = trimmed.toUpperCase(Locale.ROOT);
            if (upper.length() > 2 && upper.endsWith("IB")) {
                upper = upper.substring(0, upper.length() - 2);
            } else if (upper.length() > 2
                    && upper.endsWith("B")
                    && Character.isLetter(upper.charAt(upper.length() - 2))) {
                upper = upper.substring(0, upper.length() - 1);
            }
            int power = SUFFIXES.indexOf(upper.charAt(upper.length() - 1));
            String number = power < 0 ? upper : upper.substring(0, upper.length() - 1);
            if (!number.matches("[0-9]+(\\.[0-9]+)?")) {
                throw notASize(text);
            }
            return new BigDecimal(number)
                    .multiply(BigDecimal.valueOf(1L << (10 * Math.max(power, 0))))
                    .longValueExact();
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no size: it has to be a whole number of bytes, less than 8 EiB", e);
        }
    }

    /** {@return a number of bytes for people, with at most one decimal: {@code 4.0 KiB}, {@code 1.5 GiB}} */
    public static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        int power = (63 - Long.numberOfLeadingZeros(bytes)) / 10;
        BigDecimal value =
                BigDecimal.valueOf(bytes).divide(BigDecimal.valueOf(1L << (10 * power)), 1, RoundingMode.DOWN);
        return value + " " + SUFFIXES.charAt(power) + "iB";
    }

    private static long positive(String text, long value) {
        if (value < 0) {
            throw notASize(text);
        }
        return value;
    }

    private static IllegalArgumentException notASize(String text) {
        String shown = text.length() > MAX_TEXT_LENGTH ? text.substring(0, MAX_TEXT_LENGTH) + "…" : text;
        return new IllegalArgumentException(
                "'" + shown + "' is no size: write bytes, or a number with K, M, G or T, for example 64M");
    }
}
