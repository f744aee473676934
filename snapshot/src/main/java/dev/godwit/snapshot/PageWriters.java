package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that write runs of guest memory, each by a lane of its own. Pages are read some time after {@link #write} and
 * before {@link #await} returns. Used by one thread, but for {@link #abort}.
 */
final class PageWriters implements AutoCloseable {

    /** So many runs wait for each thread at most: enough that none is idle, and no more is on its way. */
    private static final int WAITING_EACH = 2;

    private record Run(int blockIndex, long firstPage, long pages) {}

    private final GuestMemory memory;
    private final List<PageLane> lanes;
    private final List<Thread> threads = new ArrayList<>();
    private final Deque<Run> waiting = new ArrayDeque<>();
    private int busy;
    private boolean closed;
    private @Nullable IOException failure;

    /** Starts a thread for each lane. */
    PageWriters(GuestMemory memory, List<PageLane> lanes) {
        this.memory = memory;
        this.lanes = List.copyOf(lanes);
        for (int index = 0; index < lanes.size(); index++) {
            PageLane lane = lanes.get(index);
            threads.add(Thread.ofPlatform().daemon().name("mapped-ram-" + index).start(() -> run(lane)));
        }
    }

    /**
     * Has pages written; waits while enough others wait.
     *
     * @throws IOException if a thread has failed, or this was aborted
     */
    synchronized void write(int blockIndex, long firstPage, long pages) throws IOException {
        awaitWhile(() -> waiting.size() >= WAITING_EACH * threads.size());
        waiting.add(new Run(blockIndex, firstPage, pages));
        notifyAll();
    }

    /**
     * Waits until everything is written.
     *
     * @throws IOException if a thread has failed, or this was aborted
     */
    void await() throws IOException {
        synchronized (this) {
            awaitWhile(() -> !waiting.isEmpty() || busy > 0);
        }
        for (PageLane lane : lanes) { // nobody uses them: no run waits, and only the caller can add one
            lane.flush();
        }
    }

    private synchronized void awaitWhile(BooleanSupplier condition) throws IOException {
        try {
            while (failure == null && condition.getAsBoolean()) {
                wait();
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while pages were being written");
        }
        if (failure != null) {
            throw new IOException(failure.getMessage(), failure);
        }
    }

    private void run(PageLane lane) {
        Run run = next();
        while (run != null) {
            try {
                lane.pages(
                        run.blockIndex,
                        run.firstPage * Page.SIZE_BYTES,
                        memory.block(run.blockIndex)
                                .asSlice(run.firstPage * Page.SIZE_BYTES, run.pages * Page.SIZE_BYTES));
                done();
            } catch (IOException e) {
                abort(e);
            } catch (RuntimeException | Error e) {
                abort(new IOException("a writer of pages has a defect: " + e, e));
            }
            run = next();
        }
    }

    private synchronized @Nullable Run next() {
        boolean interrupted = false;
        while (waiting.isEmpty() && !closed && failure == null) {
            try {
                wait();
            } catch (InterruptedException _) {
                interrupted = true; // ends with close
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (closed || failure != null) {
            return null;
        }
        busy++;
        return waiting.poll();
    }

    private synchronized void done() {
        busy--;
        notifyAll();
    }

    /** Wakes whoever waits, with this failure; from any thread. */
    synchronized void abort(IOException reason) {
        if (failure == null) {
            failure = reason;
        }
        notifyAll();
    }

    /** Ends the threads, and waits for them; what waits is not written any more. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException _) {
                    interrupted = true; // memory may not go before they have
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
