package dev.godwit.engine.postcopy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How long pages were waited for in postcopy, each from its first fault until it was placed: a histogram whose bucket i
 * counts latencies from 2^i to 2^(i+1) microseconds; the first one also shorter ones, the last one also longer ones.
 * Thread-safe.
 */
public final class FaultLatencies {

    /** How many buckets there are; the last one begins at 8.4 seconds. */
    public static final int BUCKETS = 24;

    private final long[] counts = new long[BUCKETS];
    private long faults;
    private long totalNs;
    private long longestNs;

    /** Nothing was measured yet. */
    public FaultLatencies() {}

    /**
     * What was measured.
     *
     * @param faults how many pages were waited for
     * @param meanNs 0 where none was
     * @param longestNs 0 where none was
     * @param counts of the buckets
     */
    public record Summary(long faults, long meanNs, long longestNs, List<Long> counts) {

        /** Copies the list. */
        public Summary {
            counts = List.copyOf(counts);
        }
    }

    /** A page was waited for so long. */
    public synchronized void add(long latencyNs) {
        long ns = Math.max(latencyNs, 0);
        long us = TimeUnit.NANOSECONDS.toMicros(ns);
        int bucket = us == 0 ? 0 : 63 - Long.numberOfLeadingZeros(us);
        counts[Math.min(bucket, BUCKETS - 1)]++;
        faults++;
        totalNs += ns;
        longestNs = Math.max(longestNs, ns);
    }

    /** {@return all of it} */
    public synchronized Summary summary() {
        List<Long> all = new ArrayList<>();
        for (long count : counts) {
            all.add(count);
        }
        return new Summary(faults, faults == 0 ? 0 : totalNs / faults, longestNs, all);
    }
}
