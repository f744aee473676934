package dev.godwit.qemu;

import java.util.concurrent.TimeUnit;

/**
 * Holds a writer to a number of bytes a second by QEMU's rule: in each window of 100 ms it may go on until more than a
 * tenth of them is written, then waits for the next window (qemu-migration specification section 8.1). Owned by one
 * thread.
 */
final class RateLimit {

    static final long WINDOW_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final long windowBytes;
    private final Clock clock;
    private long windowStartNs;
    private long windowStartBytes;

    /**
     * A limit.
     *
     * @param bytesPerSecond less than 10 for none
     */
    RateLimit(long bytesPerSecond, Clock clock) {
        this.windowBytes = bytesPerSecond / 10;
        this.clock = clock;
        this.windowStartNs = clock.nanoTime();
    }

    /**
     * Waits for the next window where this one is used up.
     *
     * @param transferredBytes everything written so far
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    void await(long transferredBytes) throws InterruptedException {
        long now = clock.nanoTime();
        if (now - windowStartNs >= WINDOW_NS) {
            begin(now, transferredBytes);
        } else if (windowBytes > 0 && transferredBytes - windowStartBytes > windowBytes) {
            clock.sleep(WINDOW_NS - (now - windowStartNs));
            begin(clock.nanoTime(), transferredBytes);
        }
    }

    private void begin(long nowNs, long transferredBytes) {
        windowStartNs = nowNs;
        windowStartBytes = transferredBytes;
    }

    /** What time it is, and how to let it pass. */
    interface Clock {

        /** The machine's. */
        Clock SYSTEM = new Clock() {
            @Override
            public long nanoTime() {
                return System.nanoTime();
            }

            @Override
            public void sleep(long ns) throws InterruptedException {
                TimeUnit.NANOSECONDS.sleep(ns);
            }
        };

        /** {@return a time that never goes back, in nanoseconds} */
        long nanoTime();

        /** Waits. */
        void sleep(long ns) throws InterruptedException;
    }
}
