package dev.godwit.qemu;

import java.io.IOException;
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

    /** {@return how much may be written between two calls of {@link #await}, so that a window is not far exceeded} */
    long stepBytes() {
        return windowBytes > 0 ? windowBytes / 4 : Long.MAX_VALUE;
    }

    /**
     * Waits for the next window where this one is used up.
     *
     * @param output how far it is; flushed before a wait
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    void await(ByteOutput output) throws IOException, InterruptedException {
        long transferredBytes = output.position();
        long now = clock.nanoTime();
        if (now - windowStartNs >= WINDOW_NS) {
            begin(now, transferredBytes);
        } else if (windowBytes > 0 && transferredBytes - windowStartBytes > windowBytes) {
            output.flush();
            clock.sleep(Math.max(0, WINDOW_NS - (clock.nanoTime() - windowStartNs)));
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
