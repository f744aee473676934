package dev.godwit.engine.postcopy;

import java.util.concurrent.TimeUnit;

/**
 * How fast a push may go, which holds for what nobody has asked for and never for requests: a limit, a residency, and a
 * latency of requests above which the push is slowed down. All of it can be changed while the push goes on.
 *
 * <p>The rate that the latency leaves is halved when a request has waited longer than it may, at most every 20 ms, and
 * grows by a quarter every 100 ms otherwise. It never falls below 1 MiB a second: a guest that keeps faulting would
 * else never be whole. Thread-safe; times come from the caller.
 */
public final class PushPace {

    /** What {@link Residency#TRICKLE} pushes. */
    public static final long TRICKLE_BYTES_PER_SECOND = 1 << 20;

    private static final long SLOWEST_BYTES_PER_SECOND = 1 << 20;
    private static final long FASTEST_BYTES_PER_SECOND = 8L << 30;
    private static final long CUT_NS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long WINDOW_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LONGEST_RECORDING_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long QUIET_NS = TimeUnit.MILLISECONDS.toNanos(50);

    private Residency residency = Residency.FULL;
    private long limitBytesPerSecond;
    private long targetNs;
    private Runnable onChange = () -> {};

    private boolean recording;
    private long recordingSinceNs;
    private long lastServedNs;
    private boolean served;

    private long governedBytesPerSecond;
    private long lastCutNs;
    private long windowStartNs;
    private long windowBytes;
    private long measuredBytesPerSecond;

    /** No limit. */
    public PushPace() {}

    /** Sets what is called, from whoever changes something, so that a push that waits looks again. */
    public synchronized void onChange(Runnable listener) {
        onChange = listener;
    }

    /** Sets how much is pushed at all. */
    public void residency(Residency wanted) {
        Runnable listener;
        synchronized (this) {
            residency = wanted;
            listener = onChange;
        }
        listener.run();
    }

    /** {@return how much is pushed at all} */
    public synchronized Residency residency() {
        return residency;
    }

    /**
     * Sets the limit.
     *
     * @param bytesPerSecond 0 for none
     */
    public void maxBytesPerSecond(long bytesPerSecond) {
        Runnable listener;
        synchronized (this) {
            limitBytesPerSecond = bytesPerSecond;
            listener = onChange;
        }
        listener.run();
    }

    /**
     * Sets for how long a request may wait before the push is slowed down.
     *
     * @param ns 0 for as long as it likes
     */
    public synchronized void faultLatencyNs(long ns) {
        targetNs = ns;
    }

    /**
     * Holds the push back until the guest's start is over, so that all its first touches are asked for and can be
     * recorded: until it has asked for something and then for nothing for 50 ms, and for a second at most.
     */
    public synchronized void awaitFirstTouches() {
        recording = true;
    }

    /** Hears that a push begins, over a new connection perhaps. */
    public synchronized void begin(long nowNs) {
        recordingSinceNs = nowNs;
        served = false;
        windowStartNs = nowNs;
        lastCutNs = nowNs;
    }

    /** {@return whether nothing may be pushed now} */
    public synchronized boolean isHeld(long nowNs) {
        if (recording
                && (nowNs - recordingSinceNs > LONGEST_RECORDING_NS || (served && nowNs - lastServedNs > QUIET_NS))) {
            recording = false;
        }
        return recording || residency == Residency.NONE;
    }

    /** {@return for how long a push that is held may wait before it looks again} */
    public synchronized long holdNs() {
        return recording ? QUIET_NS : LONGEST_RECORDING_NS;
    }

    /** {@return how fast the push may go, 0 for as fast as it can} */
    public synchronized long bytesPerSecond(long nowNs) {
        if (governedBytesPerSecond > 0 && nowNs - lastCutNs > WINDOW_NS) {
            lastCutNs = nowNs;
            governedBytesPerSecond += governedBytesPerSecond / 4;
            if (governedBytesPerSecond > FASTEST_BYTES_PER_SECOND) {
                governedBytesPerSecond = 0;
            }
        }
        long rate = slower(limitBytesPerSecond, governedBytesPerSecond);
        return residency == Residency.TRICKLE ? slower(rate, TRICKLE_BYTES_PER_SECOND) : rate;
    }

    private static long slower(long one, long other) {
        return one == 0 ? other : other == 0 ? one : Math.min(one, other);
    }

    /** Hears that a request was served. */
    public synchronized void served(long latencyNs, long nowNs) {
        lastServedNs = nowNs;
        served = true;
        if (targetNs == 0 || latencyNs <= targetNs || nowNs - lastCutNs < CUT_NS) {
            return;
        }
        lastCutNs = nowNs;
        long rate = governedBytesPerSecond > 0 ? governedBytesPerSecond : measured(nowNs);
        governedBytesPerSecond = Math.max(SLOWEST_BYTES_PER_SECOND, rate / 2);
    }

    /** Hears that so much was pushed. */
    public synchronized void pushed(long bytes, long nowNs) {
        windowBytes += bytes;
        if (nowNs - windowStartNs > WINDOW_NS) {
            measuredBytesPerSecond = measured(nowNs);
            windowStartNs = nowNs;
            windowBytes = 0;
        }
    }

    private long measured(long nowNs) {
        long rate = (long) (windowBytes * 1e9 / Math.max(nowNs - windowStartNs, 1_000_000));
        return Math.max(SLOWEST_BYTES_PER_SECOND, Math.max(rate, measuredBytesPerSecond));
    }
}
