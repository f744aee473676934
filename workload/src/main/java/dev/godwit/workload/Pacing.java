package dev.godwit.workload;

/**
 * When a vCPU may make its next step: by the rate of the load, and by the throttle, which lets it run for 10 ms and
 * then sleep (qemu-migration specification section 8.4). Belongs to one vCPU; the time is passed in.
 */
final class Pacing {

    /** Steps are made in bursts of this length, since no thread sleeps for less with any precision. */
    private static final long BURST_NS = 1_000_000;

    private static final long SLICE_NS = 10_000_000;
    private static final long NO_RATE_NS = 1_000_000_000;

    private double creditPages;
    private long creditedAtNs;
    private long sliceEndsAtNs;

    /** Begins anew: nothing is owed for the time in which the vCPU stood still. */
    void restart(long nowNs) {
        creditPages = 0;
        creditedAtNs = nowNs;
        sliceEndsAtNs = nowNs + SLICE_NS;
    }

    /**
     * {@return for how long the vCPU has to idle before its next step, in ns; 0 where it may make it now}
     *
     * @param pagesPerSecond its share of the rate; negative for no limit
     * @param throttlePercentage the share of time for which it sleeps, 0 to 99
     */
    long idleNs(long nowNs, double pagesPerSecond, int throttlePercentage) {
        if (throttlePercentage == 0) {
            sliceEndsAtNs = nowNs + SLICE_NS;
        } else if (nowNs >= sliceEndsAtNs) {
            long sleepNs = SLICE_NS * throttlePercentage / (100 - throttlePercentage);
            if (nowNs < sliceEndsAtNs + sleepNs) {
                return sliceEndsAtNs + sleepNs - nowNs;
            }
            sliceEndsAtNs = nowNs + SLICE_NS;
        }
        return pagesPerSecond < 0 ? 0 : idleForRate(nowNs, pagesPerSecond);
    }

    private long idleForRate(long nowNs, double pagesPerSecond) {
        double burstPages = Math.max(1, pagesPerSecond * BURST_NS / 1e9);
        creditPages += (nowNs - creditedAtNs) * pagesPerSecond / 1e9;
        creditedAtNs = nowNs;
        // what a slow machine or a throttle has cost is not made up for, but for ten bursts
        creditPages = Math.min(creditPages, 10 * burstPages);
        if (creditPages >= 1) {
            creditPages--;
            return 0;
        }
        if (pagesPerSecond == 0) {
            return NO_RATE_NS;
        }
        return Math.clamp((long) ((burstPages - creditPages) * 1e9 / pagesPerSecond), 1, NO_RATE_NS);
    }
}
