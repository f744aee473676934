package dev.godwit.qemu;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Watches a tail whose connection stays open and which nothing but silence ends: a source that sends no vmdescription.
 * When no byte has come for a while and the tail is whole as it stands, the input is ended; likewise when no byte has
 * come for so long that none can be expected, and then it has given up.
 *
 * <p>A thread of its own sleeps and looks; whoever reads says what came. A tail is looked at once in each silence, so
 * the work is bounded by time, not by how the bytes are dealt out.
 */
final class QuietTail implements AutoCloseable {

    /** Looks at what has come so far; called in the watch's thread while nothing arrives. */
    interface Look {
        boolean isWhole();
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Look look;
    private final InputEnd end;
    private final long quietMs;
    private final long longestSilenceMs;
    private boolean news = true;
    private boolean closed;
    private boolean gaveUp;

    /**
     * A watch, which begins at once.
     *
     * @param quietMs after so long without a byte the tail is looked at
     * @param longestSilenceMs after so long it is given up; more than {@code quietMs}
     */
    QuietTail(Look look, InputEnd end, long quietMs, long longestSilenceMs) {
        this.look = look;
        this.end = end;
        this.quietMs = quietMs;
        this.longestSilenceMs = longestSilenceMs;
        Thread.ofVirtual().name("quiet-tail").start(this::watch);
    }

    /** Keeps the watch from looking while the bytes change, and tells it that they did. */
    void change(Runnable change) {
        lock.lock();
        try {
            change.run();
            news = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("EmptyCatch") // a connection that is gone ends the read without us
    private void watch() {
        lock.lock();
        try {
            while (!closed) {
                news = false;
                boolean over = isSilentFor(quietMs) && look.isWhole();
                if (!over && isSilentFor(longestSilenceMs - quietMs)) {
                    gaveUp = true;
                    over = true;
                }
                if (over) {
                    end.endInput();
                    return;
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        } catch (IOException _) {
            // nothing to end
        } finally {
            lock.unlock();
        }
    }

    /** Waits; false as soon as there is news, or the watch is over. */
    private boolean isSilentFor(long silenceMs) throws InterruptedException {
        long leftNs = TimeUnit.MILLISECONDS.toNanos(silenceMs);
        while (leftNs > 0 && !news && !closed) {
            leftNs = changed.awaitNanos(leftNs);
        }
        return !news && !closed;
    }

    /** {@return whether the input was ended although the tail was not whole} */
    boolean gaveUp() {
        lock.lock();
        try {
            return gaveUp;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }
}
