package dev.godwit.bench.report;

import java.util.List;
import java.util.Locale;

/**
 * What several measurements of one thing say.
 *
 * @param median the one in the middle, or the mean of the two there
 * @param smallest the smallest
 * @param largest the largest
 * @param count how many there were
 */
record Spread(double median, double smallest, double largest, int count) {

    /**
     * {@return the spread of some figures}
     *
     * @throws IllegalArgumentException if there are none
     */
    static Spread of(List<Double> figures) {
        if (figures.isEmpty()) {
            throw new IllegalArgumentException("no figures");
        }
        List<Double> sorted = figures.stream().sorted().toList();
        int half = sorted.size() / 2;
        double median = sorted.size() % 2 == 1 ? sorted.get(half) : (sorted.get(half - 1) + sorted.get(half)) / 2;
        return new Spread(median, sorted.getFirst(), sorted.getLast(), sorted.size());
    }

    /** {@return the median, and the smallest and largest behind it} */
    String text() {
        int digits = digits(Math.abs(median));
        return number(median, digits) + " (" + number(smallest, digits) + "–" + number(largest, digits) + ")";
    }

    private static int digits(double magnitude) {
        if (magnitude >= 100) {
            return 0;
        }
        if (magnitude >= 10) {
            return 1;
        }
        return magnitude >= 0.1 ? 2 : 3;
    }

    private static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** {@return a single figure, with as many digits as tell something} */
    static String number(double value) {
        return number(value, digits(Math.abs(value)));
    }
}
