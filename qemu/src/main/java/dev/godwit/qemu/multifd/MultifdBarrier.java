package dev.godwit.qemu.multifd;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedChannelException;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Where the main stream and the channels meet: the k-th marker of the main stream pairs with the k-th SYNC of every
 * channel (qemu-migration specification section 4.5).
 *
 * <p>Thread-safe. The main stream's thread calls {@link #begin}, {@link #sync} and {@link #finish}; each channel's
 * thread the rest. Nobody waits any longer once a channel has failed or the barrier is closed.
 */
final class MultifdBarrier {

    private final long[] syncs;
    private final boolean[] registered;
    private final boolean[] ended;
    private final boolean[] pagesSinceSync;
    private long released;
    private int takingPages;
    private boolean finished;
    private boolean closed;
    private @Nullable RamLayout layout;
    private @Nullable UUID uuid;
    private @Nullable IOException failure;

    MultifdBarrier(int channels) {
        syncs = new long[channels];
        registered = new boolean[channels];
        ended = new boolean[channels];
        pagesSinceSync = new boolean[channels];
    }

    /** Takes a channel in, if its id is free and in range and its machine is that of the others. */
    synchronized void register(MultifdInit init, long positionBytes) throws StreamFormatException {
        requireUuid(init.uuid(), positionBytes);
        int id = init.channelId();
        if (id >= registered.length || registered[id]) {
            throw new StreamFormatException(
                    positionBytes,
                    "multifd init packet",
                    "a new channel id below " + registered.length,
                    id + (id < registered.length ? " a second time" : ""));
        }
        registered[id] = true;
    }

    /** Requires that every channel is of this machine, those that came already included. */
    synchronized void requireUuid(UUID expected, long positionBytes) throws StreamFormatException {
        if (uuid == null) {
            uuid = expected;
        } else if (!uuid.equals(expected)) {
            throw new StreamFormatException(positionBytes, "multifd init packet", "UUID " + uuid, expected.toString());
        }
    }

    synchronized void begin(RamLayout blocks) throws IOException {
        throwIfOver();
        layout = blocks;
        notifyAll();
    }

    synchronized RamLayout awaitLayout() throws IOException {
        while (layout == null) {
            throwIfOver();
            await();
        }
        return layout;
    }

    /** Announces that pages come by a channel: until its next SYNC the migration has no good end. */
    synchronized void expectPages(int id) throws IOException {
        throwIfOver();
        if (finished) {
            throw new StreamFormatException(
                    0, "multifd channel " + id, "no pages after the main stream's end", "more pages");
        }
        pagesSinceSync[id] = true;
    }

    /** Announces that a channel is about to hand pages over, and has them all. */
    synchronized void enterPages(int id) throws IOException {
        expectPages(id);
        takingPages++;
    }

    synchronized void leavePages() {
        takingPages--;
        notifyAll();
    }

    /** Reports that a channel has read SYNC and flushed, and waits for the main stream to come there too. */
    synchronized void arrive(int id) throws IOException {
        syncs[id]++;
        pagesSinceSync[id] = false;
        notifyAll();
        while (released < syncs[id]) {
            throwIfOver();
            await();
        }
    }

    /** Reports that a channel has ended, at a packet's boundary. */
    synchronized void end(int id) {
        ended[id] = true;
        notifyAll();
    }

    /** {@return whether this is the first failure} It ends all waits, now and later. */
    synchronized boolean fail(IOException cause) {
        boolean first = failure == null && !closed;
        if (first) {
            failure = cause;
        }
        notifyAll();
        return first;
    }

    /** Waits for the next SYNC of every channel and releases them. */
    synchronized void sync() throws IOException {
        long round = released + 1;
        while (!allAt(round)) {
            await();
        }
        released = round;
        notifyAll();
    }

    private boolean allAt(long round) throws IOException {
        throwIfOver();
        boolean all = true;
        for (int id = 0; id < syncs.length; id++) {
            if (syncs[id] < round) {
                if (ended[id]) {
                    throw new StreamFormatException(0, "multifd channel " + id, "SYNC " + round, "the channel's end");
                }
                all = false;
            }
        }
        return all;
    }

    /** Lets no more pages in, and checks that all that came were followed by a SYNC. */
    synchronized void finish() throws IOException {
        finished = true;
        while (takingPages > 0) {
            await();
        }
        throwIfOver();
        for (int id = 0; id < pagesSinceSync.length; id++) {
            if (pagesSinceSync[id]) {
                throw new StreamFormatException(
                        0, "multifd channel " + id, "SYNC before the main stream's end", "pages without one");
            }
        }
    }

    synchronized void close() {
        closed = true;
        notifyAll();
    }

    private void throwIfOver() throws IOException {
        if (failure != null) {
            throw failure;
        }
        if (closed) {
            throw new ClosedChannelException();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // every caller loops on its condition
    private void await() throws InterruptedIOException {
        try {
            wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting for multifd");
            interrupted.initCause(e);
            throw interrupted;
        }
    }
}
