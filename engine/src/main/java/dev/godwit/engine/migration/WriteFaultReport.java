package dev.godwit.engine.migration;

import java.util.List;

/**
 * How much a background snapshot slowed its guest down: the time for which threads waited to write to a page that was
 * not yet written to the snapshot. Times are from when a wait can have begun at the earliest, so never too short.
 *
 * @param faults how often a thread waited
 * @param threads how many threads waited at least once: vCPUs mostly
 * @param totalNs for how long, all threads together
 * @param longestNs the longest wait
 * @param longestThreadNs how long the thread waited in all that waited most
 * @param histogram how many waits took less than 1 µs, 2 µs, 4 µs and so on; the last one takes all that took longer
 */
public record WriteFaultReport(
        long faults, int threads, long totalNs, long longestNs, long longestThreadNs, List<Long> histogram) {

    /** Nobody waited. */
    public static final WriteFaultReport NONE = new WriteFaultReport(0, 0, 0, 0, 0, List.of());

    /** Copies the list. */
    public WriteFaultReport {
        histogram = List.copyOf(histogram);
    }

    /**
     * {@return the wait than which so many were not longer, in nanoseconds, to a power of two of microseconds} 0 where
     * nobody waited.
     *
     * @param share 0 to 1, for example 0.99
     */
    public long quantileNs(double share) {
        long wanted = (long) Math.ceil(share * faults);
        long seen = 0;
        for (int bucket = 0; bucket < histogram.size(); bucket++) {
            seen += histogram.get(bucket);
            if (seen >= wanted && seen > 0) {
                return Math.min(1000L << bucket, longestNs);
            }
        }
        return longestNs;
    }
}
