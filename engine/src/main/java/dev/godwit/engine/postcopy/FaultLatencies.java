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

    /** A finer histogram besides: each power of two of nanoseconds in so many steps. */
    private static final int STEPS = 16;

    private final long[] counts = new long[BUCKETS];
    private final long[] fine = new long[Long.SIZE * STEPS];
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
     * @param medianNs half of them took at most so long, to a sixteenth; 0 where none was
     * @param mostNs 99 of 100 took at most so long, to a sixteenth; 0 where none was
     * @param longestNs 0 where none was
     * @param counts of the buckets
     */
    public record Summary(long faults, long meanNs, long medianNs, long mostNs, long longestNs, List<Long> counts) {

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
        fine[step(ns)]++;
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
        return new Summary(
                faults, faults == 0 ? 0 : totalNs / faults, percentileNs(50), percentileNs(99), longestNs, all);
    }

    private static int step(long ns) {
        if (ns < STEPS) {
            return (int) ns;
        }
        int exponent = 63 - Long.numberOfLeadingZeros(ns);
        return (exponent - 3) * STEPS + (int) (ns >> (exponent - 4)) - STEPS;
    }

    private static long longestOfStep(int step) {
        int exponent = step / STEPS + 3;
        return exponent == 3 ? step : ((step % STEPS + STEPS + 1L) << (exponent - 4)) - 1;
    }

    private long percentileNs(int percent) {
        long wanted = (faults * percent + 99) / 100;
        long seen = 0;
        for (int step = 0; step < fine.length && wanted > 0; step++) {
            seen += fine[step];
            if (seen >= wanted) {
                return Math.min(longestOfStep(step), longestNs);
            }
        }
        return 0;
    }
}
