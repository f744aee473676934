package dev.godwit.workload;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where the vCPUs of a machine are stopped and let go. A vCPU asks {@link #isOpen} before each step, and comes to
 * {@link #waitUntilOpen} where it is shut; whoever shuts it waits until all are there. Closed at first.
 *
 * <p>Guarantees: when {@link #shut} returns, every vCPU waits or has ended, and all that it did happened before. No
 * vCPU makes a step until {@link #open}.
 */
final class VcpuGate {

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final int vcpus;
    private volatile boolean open;
    private boolean ended;
    private int waiting;
    private int gone;
    private int nudges;

    VcpuGate(int vcpus) {
        this.vcpus = vcpus;
    }

    /** {@return whether the vCPUs may make steps} */
    boolean isOpen() {
        return open;
    }

    /** Waits for the gate to open. {@return false where the machine ends instead} */
    boolean waitUntilOpen() {
        lock.lock();
        try {
            waiting++;
            changed.signalAll();
            while (!open && !ended) {
                changed.awaitUninterruptibly();
            }
            waiting--;
            return !ended;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a time, or until the gate is shut; {@link #nudge} ends it as well. */
    void idle(long timeoutNs) {
        lock.lock();
        try {
            int seen = nudges;
            long leftNs = timeoutNs;
            while (open && !ended && nudges == seen && leftNs > 0) {
                leftNs = changed.awaitNanos(leftNs);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody interrupts a vCPU; its next wait would not wait
            throw new IllegalStateException("a vCPU was interrupted", e);
        } finally {
            lock.unlock();
        }
    }

    /** Wakes the vCPUs that idle, so that they look at what has changed. */
    void nudge() {
        lock.lock();
        try {
            nudges++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Tells that a vCPU will not come again. */
    void leave() {
        lock.lock();
        try {
            gone++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    void open() {
        lock.lock();
        try {
            open = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Shuts the gate and waits for every vCPU; for as long as one waits for a page of its own memory, that is long.
     *
     * @throws InterruptedIOException if the calling thread is interrupted; the gate is as it was
     */
    void shut() throws IOException {
        lock.lock();
        try {
            boolean was = open;
            open = false;
            changed.signalAll();
            try {
                while (waiting + gone < vcpus) {
                    changed.await();
                }
            } catch (InterruptedException e) {
                open = was;
                changed.signalAll();
                Thread.currentThread().interrupt();
                throw (IOException) new InterruptedIOException("interrupted while the vCPUs were stopped").initCause(e);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Sends every vCPU home. */
    void end() {
        lock.lock();
        try {
            open = false;
            ended = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
