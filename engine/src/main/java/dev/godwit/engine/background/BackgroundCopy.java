package dev.godwit.engine.background;

import dev.godwit.engine.background.SnapshotOrder.Run;
import dev.godwit.engine.background.SnapshotOutput.PageWriter;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes all pages of a machine once, as they were at the instant of {@link #hold}, while it goes on. One thread serves
 * the writes that wait, others copy in order. Whatever fails, everything is let go.
 */
final class BackgroundCopy implements Closeable {

    private static final int RUN_PAGES = 256;
    /** While somebody waits, the order's runs are shorter, because he may wait for the end of one. */
    private static final int SHORT_RUN_PAGES = 32;

    private static final long WAITED_FOR_NS = 2_000_000;

    private final Machine machine;
    private final SnapshotOutput output;
    private final WriteTracking tracking;
    private final SnapshotOrder order;
    private final BlockedWrites blocked;
    private final WriteServer server;
    private final List<Thread> threads = new ArrayList<>();
    private @Nullable Throwable failure;
    private volatile boolean over;

    /**
     * A copy under way: all that can be written is protected, and what the guest writes is let go again.
     *
     * @param tracking belongs to this from now on
     */
    BackgroundCopy(Machine machine, SnapshotOutput output, WriteTracking tracking) throws IOException {
        this.machine = machine;
        this.output = output;
        this.tracking = tracking;
        RamLayout layout = machine.memory().layout();
        int[] units = new int[layout.blocks().size()];
        for (int block = 0; block < units.length; block++) {
            units[block] = tracking.isTracked(block) ? tracking.unitPages(block) : 1;
        }
        this.order = new SnapshotOrder(layout, units);
        this.blocked = new BlockedWrites(layout);
        this.server = new WriteServer(layout, tracking, order, blocked, output.writer());
    }

    /** Protects everything, while the guest runs. */
    void arm() throws IOException {
        start("write-faults", this::serve);
        List<RamBlock> blocks = machine.memory().layout().blocks();
        for (int block = 0; block < blocks.size(); block++) {
            if (tracking.isTracked(block)) {
                tracking.protect(block, 0, blocks.get(block).pages());
            }
        }
    }

    /** The guest stands still: from now on its memory is kept as it is. */
    void hold() throws IOException {
        check();
        server.hold();
    }

    /** Writes everything, and lets everything go. */
    void copyAll() throws IOException {
        for (int more = output.writers(); more > 1; more--) {
            PageWriter writer = output.writer();
            start("snapshot-writer-" + more, () -> copy(writer));
        }
        try {
            copy(output.writer());
        } catch (IOException e) {
            fail(e);
        }
        joinFrom(1);
        tracking.endWaiting();
        joinFrom(0);
        check();
        letAllGo();
    }

    private interface Work {
        void run() throws IOException;
    }

    private void start(String name, Work work) {
        threads.add(Thread.ofPlatform().name(name).daemon(true).start(() -> {
            try {
                work.run();
            } catch (IOException | RuntimeException | Error e) {
                fail(e);
            }
        }));
    }

    private void serve() throws IOException {
        while (tracking.awaitWrites(server)) {
            // each one is served in the listener
        }
    }

    private void copy(PageWriter writer) throws IOException {
        while (!over) {
            boolean waitedFor = server.isWaitedFor(System.nanoTime(), WAITED_FOR_NS);
            Run run = order.next(waitedFor ? SHORT_RUN_PAGES : RUN_PAGES);
            if (run == null) {
                return;
            }
            server.write(run, writer);
        }
    }

    /** The first failure counts; those that follow from it are not told. */
    private synchronized void fail(Throwable cause) {
        if (!over) {
            failure = cause;
            letAllGo();
        }
    }

    /** Ends it from any thread: the guest runs on, and nobody waits any more. Its memory is no longer kept. */
    synchronized void letAllGo() {
        if (!over) {
            over = true;
            tracking.close();
            blocked.allLetGo(System.nanoTime());
        }
    }

    /** Fails where another thread has failed, or everything was let go. */
    private synchronized void check() throws IOException {
        Throwable cause = failure;
        if (cause != null) {
            throw cause instanceof IOException e ? e : new IOException(cause.toString(), cause);
        }
        if (over) {
            throw new IOException("the snapshot was cancelled");
        }
    }

    private void joinFrom(int first) throws IOException {
        try {
            for (Thread thread : threads.subList(Math.min(first, threads.size()), threads.size())) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted while the snapshot was written").initCause(e);
        }
    }

    WriteFaultReport faults() {
        return blocked.report();
    }

    long remainingPages() {
        return order.remainingPages();
    }

    /** Lets everything go, and waits for the threads; the output was ended or aborted before. */
    @Override
    public void close() {
        letAllGo();
        tracking.endWaiting();
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true; // the memory may be gone when this returns
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
