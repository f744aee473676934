package dev.godwit.qemu;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Watches a tail whose connection stays open and which nothing but silence ends: a source that sends no vmdescription.
 * When no byte has come for a while and the tail is whole as it stands, the input is ended.
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
    private boolean news;
    private boolean closed;

    QuietTail(Look look, InputEnd end, long quietMs) {
        this.look = look;
        this.end = end;
        this.quietMs = quietMs;
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
                if (!news) {
                    changed.await();
                    continue;
                }
                news = false;
                long leftNs = TimeUnit.MILLISECONDS.toNanos(quietMs);
                while (leftNs > 0 && !news && !closed) {
                    leftNs = changed.awaitNanos(leftNs);
                }
                if (!news && !closed && look.isWhole()) {
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
