package dev.godwit.engine.postcopy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a postcopy has done so far, over all its connections. Thread-safe. Of the time from a request to its page it
 * keeps a histogram with four steps to each doubling.
 */
public final class PostcopyCounters {

    /** So many first touches are kept; later ones are not what a start needs. */
    public static final int MOST_TOUCHES = 1 << 16;

    /** Totals of a postcopy that has not begun. */
    public static final Totals NOTHING = new Totals(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private static final int STEPS = 4;

    private final long[] histogram = new long[64 * STEPS];
    private final List<PagePlace> touches = new ArrayList<>();
    private long requests;
    private long requestedBytes;
    private long zeroAnswers;
    private long pushedBytes;
    private long pushedZeroBytes;
    private long longestNs;
    private long reconnects;
    private long streamBytes;
    private long normalPages;
    private long zeroPages;

    /**
     * What was counted.
     *
     * @param requests host pages that the destination asked for and that were sent for it
     * @param requestedBytes RAM that was sent because it was asked for, zero pages included
     * @param zeroAnswers how many of the requests were for zero pages
     * @param pushedBytes RAM that was sent unasked, zero pages of a recording apart
     * @param pushedZeroBytes those zero pages
     * @param medianNs half of the requests were answered within this time, 0 where there was none
     * @param p99Ns 99 of 100 were
     * @param longestNs all were
     * @param reconnects how often the connection was made anew
     * @param streamBytes what was written to the connections for pages
     * @param normalPages pages of 4096 bytes that were sent with their content
     * @param zeroPages those that were sent as zero
     */
    public record Totals(
            long requests,
            long requestedBytes,
            long zeroAnswers,
            long pushedBytes,
            long pushedZeroBytes,
            long medianNs,
            long p99Ns,
            long longestNs,
            long reconnects,
            long streamBytes,
            long normalPages,
            long zeroPages) {}

    /** A request was served. */
    public synchronized void served(PagePlace hostPage, long bytes, boolean zero, long latencyNs) {
        requests++;
        requestedBytes += bytes;
        zeroAnswers += zero ? 1 : 0;
        longestNs = Math.max(longestNs, latencyNs);
        histogram[bucket(latencyNs)]++;
        if (touches.size() < MOST_TOUCHES) {
            touches.add(hostPage);
        }
        PostcopyEvents.served(hostPage, bytes, zero, latencyNs);
    }

    /** Pages were pushed. */
    public synchronized void pushed(long bytes) {
        pushedBytes += bytes;
    }

    /** Pages without content were pushed, for which the guest would have asked. */
    public synchronized void pushedZero(long bytes) {
        pushedZeroBytes += bytes;
    }

    /** Pages were written to a connection, for whatever reason. */
    public synchronized void written(long bytes, long normal, long zero) {
        streamBytes += bytes;
        normalPages += normal;
        zeroPages += zero;
    }

    /** A connection was made anew. */
    public synchronized void reconnected() {
        reconnects++;
    }

    /** {@return the host pages that were asked for, in order, the first {@link #MOST_TOUCHES}} */
    public synchronized List<PagePlace> touches() {
        return List.copyOf(touches);
    }

    /** {@return the times from request to page, in steps that are not empty, the shortest first} */
    public synchronized List<LatencyStep> latencies() {
        List<LatencyStep> steps = new ArrayList<>();
        for (int i = 0; i < histogram.length; i++) {
            if (histogram[i] > 0) {
                steps.add(new LatencyStep(Math.min(longestNs, upperNs(i)), histogram[i]));
            }
        }
        return steps;
    }

    /** {@return all of it, at this moment} */
    public synchronized Totals totals() {
        return new Totals(
                requests,
                requestedBytes,
                zeroAnswers,
                pushedBytes,
                pushedZeroBytes,
                quantile(0.5),
                quantile(0.99),
                longestNs,
                reconnects,
                streamBytes,
                normalPages,
                zeroPages);
    }

    private long quantile(double part) {
        long all = Arrays.stream(histogram).sum();
        long below = 0;
        for (int i = 0; i < histogram.length; i++) {
            below += histogram[i];
            if (all > 0 && below >= Math.ceil(all * part)) {
                return Math.min(longestNs, upperNs(i));
            }
        }
        return 0;
    }

    private static int bucket(long ns) {
        long value = Math.max(ns, STEPS);
        int doubling = 63 - Long.numberOfLeadingZeros(value);
        return doubling * STEPS + (int) ((value >>> (doubling - 2)) & (STEPS - 1));
    }

    private static long upperNs(int bucket) {
        int doubling = bucket / STEPS;
        return doubling < 2 ? STEPS : (1L << doubling) + (bucket % STEPS + 1) * (1L << (doubling - 2));
    }
}
