package dev.godwit.qemu.multifd;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Where the filler of packets and the channels that send them meet.
 *
 * <p>Assumptions: one thread fills, and each channel has one thread. Guarantees: what was put before {@link #sync} is
 * taken by some channel before that channel's sync; what is put after it, after. Packets are numbered 0, 1, 2 … over
 * all channels as they are taken. A failure of one side ends every wait of the other.
 */
final class SendQueue {

    /** What a channel has to do next. */
    sealed interface Job {
        /** Send pages. */
        record Pages(PageBatch batch, long packetNumber) implements Job {}

        /** Send a sync packet. */
        record Sync(long packetNumber) implements Job {}

        /** Nothing more will come. */
        record End() implements Job {}
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition work = lock.newCondition();
    private final Condition taken = lock.newCondition();
    private final ArrayDeque<PageBatch> free = new ArrayDeque<>();
    private final ArrayDeque<PageBatch> ready = new ArrayDeque<>();
    private final int[] syncsToSend;
    private final boolean[] busy;
    private long packetNumber;
    private boolean ended;
    private @Nullable IOException failure;

    SendQueue(int channels) {
        syncsToSend = new int[channels];
        busy = new boolean[channels];
        // One being sent and one waiting for each channel, and one being filled.
        for (int i = 0; i < 2 * channels + 1; i++) {
            free.add(new PageBatch());
        }
    }

    /** {@return an empty batch} Waits until a channel gives one back. */
    PageBatch emptyBatch() throws IOException {
        lock.lock();
        try {
            while (free.isEmpty()) {
                await(taken);
            }
            checkFailure();
            return free.remove();
        } finally {
            lock.unlock();
        }
    }

    void put(PageBatch batch) throws IOException {
        lock.lock();
        try {
            checkFailure();
            ready.add(batch);
            work.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Lets every channel send a sync packet behind all that was put; returns when the order is certain. */
    void sync() throws IOException {
        lock.lock();
        try {
            while (!ready.isEmpty()) {
                await(taken);
            }
            checkFailure();
            for (int channel = 0; channel < syncsToSend.length; channel++) {
                syncsToSend[channel]++;
            }
            work.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Lets the channels end when all is sent, and waits for that. */
    void end() throws IOException {
        lock.lock();
        try {
            ended = true;
            work.signalAll();
            while (!ready.isEmpty() || anyBusy()) {
                await(taken);
            }
            checkFailure();
        } finally {
            lock.unlock();
        }
    }

    private boolean anyBusy() {
        for (int channel = 0; channel < busy.length; channel++) {
            if (busy[channel] || syncsToSend[channel] > 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * {@return what a channel does next; it has done what it took before}
     *
     * @param done the batch that it took before, to be given back; null where it was none
     */
    Job take(int channel, @Nullable PageBatch done) throws IOException {
        lock.lock();
        try {
            busy[channel] = false;
            if (done != null) {
                done.pages = 0;
                free.add(done);
            }
            taken.signal();
            while (true) {
                checkFailure();
                if (syncsToSend[channel] > 0) {
                    syncsToSend[channel]--;
                    busy[channel] = true;
                    return new Job.Sync(packetNumber++);
                }
                if (!ready.isEmpty()) {
                    busy[channel] = true;
                    PageBatch batch = ready.remove();
                    taken.signal();
                    return new Job.Pages(batch, packetNumber++);
                }
                if (ended) {
                    return new Job.End();
                }
                await(work);
            }
        } finally {
            lock.unlock();
        }
    }

    /** {@return whether this is the first failure} Ends every wait. */
    boolean fail(IOException cause) {
        lock.lock();
        try {
            boolean first = failure == null;
            if (failure == null) {
                failure = cause;
            }
            work.signalAll();
            taken.signalAll();
            return first;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // every caller loops over what it waits for
    private void await(Condition condition) throws IOException {
        checkFailure();
        try {
            condition.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while multifd channels were sending");
        }
        checkFailure();
    }

    /** Each waiter gets an exception of its own, for its own stack. */
    private void checkFailure() throws IOException {
        if (failure != null) {
            throw new IOException(failure.getMessage(), failure);
        }
    }
}
