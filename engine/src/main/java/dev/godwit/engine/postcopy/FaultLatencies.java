package dev.godwit.engine.postcopy;

import java.util.ArrayList;
import java.util.List;

/**
 * How long pages were waited for in postcopy, each from its first fault until it was placed: a histogram in powers of
 * two. Thread-safe.
 */
public final class FaultLatencies {

    private static final int BUCKETS = 64;

    private final long[] counts = new long[BUCKETS];
    private long faults;
    private long totalNs;
    private long longestNs;

    /**
     * A stretch of the histogram.
     *
     * @param belowNs latencies were less than this, and at least half of it
     * @param faults how many were
     */
    public record Bucket(long belowNs, long faults) {}

    /**
     * What was measured.
     *
     * @param faults how many pages were waited for
     * @param meanNs 0 where none was
     * @param longestNs 0 where none was
     * @param buckets those that are not empty, the shortest latencies first
     */
    public record Summary(long faults, long meanNs, long longestNs, List<Bucket> buckets) {

        /** Copies the list. */
        public Summary {
            buckets = List.copyOf(buckets);
        }
    }

    /** A page was waited for so long. */
    public synchronized void add(long latencyNs) {
        long ns = Math.max(latencyNs, 0);
        counts[BUCKETS - 1 - Math.min(Long.numberOfLeadingZeros(ns), BUCKETS - 1)]++;
        faults++;
        totalNs += ns;
        longestNs = Math.max(longestNs, ns);
    }

    /** {@return all of it} */
    public synchronized Summary summary() {
        List<Bucket> buckets = new ArrayList<>();
        for (int bucket = 0; bucket < BUCKETS; bucket++) {
            if (counts[bucket] > 0) {
                buckets.add(new Bucket(bucket >= 62 ? Long.MAX_VALUE : 2L << bucket, counts[bucket]));
            }
        }
        return new Summary(faults, faults == 0 ? 0 : totalNs / faults, longestNs, buckets);
    }
}
