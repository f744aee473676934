package dev.godwit.engine.migration;

import java.util.concurrent.TimeUnit;

/**
 * Holds a sender to a number of bytes a second by QEMU's rule: in each window of 100 ms it may go on until more than a
 * tenth of them is sent, then waits for the next window (qemu-migration specification section 8.1). The windows are
 * also those in which bandwidth is measured. Owned by one thread.
 */
public final class RateLimit {

    /** How long a window is at least. */
    public static final long WINDOW_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Clock clock;
    private long windowBytes;
    private long windowStartNs;
    private long windowStartBytes;
    private long endedBytes;
    private long endedMs;

    /**
     * A limit whose first window begins now.
     *
     * @param bytesPerSecond less than 10 for none
     */
    public RateLimit(long bytesPerSecond, Clock clock) {
        this.windowBytes = bytesPerSecond / 10;
        this.clock = clock;
        this.windowStartNs = clock.nanoTime();
    }

    /** Begins the first window anew: what was sent before does not count. */
    public void begin(long transferredBytes) {
        windowStartNs = clock.nanoTime();
        windowStartBytes = transferredBytes;
    }

    /** Changes the limit, for the current window too; less than 10 for none. */
    public void bytesPerSecond(long limit) {
        windowBytes = limit / 10;
    }

    /** {@return how much may be sent between two looks at the limit, so that a window is not far exceeded} */
    public long stepBytes() {
        return windowBytes > 0 ? windowBytes / 4 : Long.MAX_VALUE;
    }

    /** {@return whether no more may be sent in this window} */
    public boolean isUsedUp(long transferredBytes) {
        return windowBytes > 0 && transferredBytes - windowStartBytes > windowBytes;
    }

    /** {@return how long the window still lasts, in nanoseconds, 0 when it is over} */
    public long leftNs() {
        return Math.max(0, WINDOW_NS - (clock.nanoTime() - windowStartNs));
    }

    /**
     * Begins a new window where this one is over.
     *
     * @return whether it was; {@link #endedBytes} and {@link #endedMs} then tell of it
     */
    public boolean turn(long transferredBytes) {
        long now = clock.nanoTime();
        if (now - windowStartNs < WINDOW_NS) {
            return false;
        }
        endedBytes = transferredBytes - windowStartBytes;
        endedMs = TimeUnit.NANOSECONDS.toMillis(now - windowStartNs);
        windowStartNs = now;
        windowStartBytes = transferredBytes;
        return true;
    }

    /** {@return what was sent in the window that ended last, in bytes} */
    public long endedBytes() {
        return endedBytes;
    }

    /** {@return how long the window was that ended last, at least 100 ms} */
    public long endedMs() {
        return endedMs;
    }

    /**
     * Waits for the end of this window.
     *
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public void sleepToEnd() throws InterruptedException {
        clock.sleep(leftNs());
    }
}
