package dev.godwit.snapshot;

import dev.godwit.engine.machine.MachineSink;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings all pages of a snapshot into the memory of a machine that stands still, in which they are read where they
 * belong, by several threads. Memory is fresh: pages that are not present are left as they are, zero.
 */
public final class SnapshotLoad {

    private static final long CHUNK_PAGES = 1024;

    private final Snapshot snapshot;
    private final GuestMemory memory;
    private final boolean directIo;
    private final BooleanSupplier givenUp;
    private final AtomicLong nextChunk = new AtomicLong();
    private @Nullable IOException failure;

    private SnapshotLoad(Snapshot snapshot, GuestMemory memory, boolean directIo, BooleanSupplier givenUp) {
        this.snapshot = snapshot;
        this.memory = memory;
        this.directIo = directIo;
        this.givenUp = givenUp;
    }

    /**
     * Loads it.
     *
     * @param threads how many, at least 1
     * @param directIo whether it is read past the page cache, where the file system can
     * @param givenUp is asked now and then whether the load is to be broken off
     * @throws IOException if a block is not the machine's, a page cannot be read or has another checksum, or the load
     *     is given up; memory holds an unknown part
     */
    public static void into(
            GuestMemory memory, Snapshot snapshot, int threads, boolean directIo, BooleanSupplier givenUp)
            throws IOException {
        new MachineSink(memory).begin(snapshot.layout());
        new SnapshotLoad(snapshot, memory, directIo, givenUp).run(threads);
    }

    private void run(int threads) throws IOException {
        List<Thread> started = new ArrayList<>();
        for (int index = 1; index < threads; index++) {
            started.add(Thread.ofPlatform().daemon().name("load-" + index).start(this::loadChunks));
        }
        loadChunks();
        boolean interrupted = false;
        for (Thread thread : started) {
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
            throw new InterruptedIOException("interrupted while the guest was loaded");
        }
        synchronized (this) {
            if (failure != null) {
                throw new IOException(failure.getMessage(), failure);
            }
        }
    }

    private synchronized void failed(IOException e) {
        if (failure == null) {
            failure = e;
        }
    }

    private synchronized boolean hasFailed() {
        return failure != null;
    }

    private void loadChunks() {
        PresentPages present = new PresentPages();
        try (SnapshotReader reader = snapshot.reader(directIo)) {
            while (!hasFailed() && chunk(reader, present, nextChunk.getAndIncrement())) {
                if (givenUp.getAsBoolean()) {
                    throw new IOException("the load was given up");
                }
            }
        } catch (IOException e) {
            failed(e);
        } catch (RuntimeException | Error e) {
            failed(new IOException("the load has a defect: " + e, e));
        }
    }

    /** {@return false where there is no chunk of this number} */
    private boolean chunk(SnapshotReader reader, PresentPages by, long number) throws IOException {
        long first = number;
        for (int index = 0; index < snapshot.layout().blocks().size(); index++) {
            RamBlock block = snapshot.layout().block(index);
            long chunks = (block.pages() + CHUNK_PAGES - 1) / CHUNK_PAGES;
            if (first < chunks) {
                long from = first * CHUNK_PAGES;
                pages(reader, by, index, from, Math.min(block.pages(), from + CHUNK_PAGES));
                return true;
            }
            first -= chunks;
        }
        return false;
    }

    private void pages(SnapshotReader reader, PresentPages by, int blockIndex, long from, long end) throws IOException {
        PageBitmap present = snapshot.present(blockIndex);
        int own = memory.layout().indexOf(snapshot.layout().block(blockIndex).id());
        for (long page = present.nextSet(from); page >= 0 && page < end; ) {
            long stop = PresentPages.stretchEnd(present, page, end);
            reader.readPresent(
                    by,
                    blockIndex,
                    page,
                    memory.block(own).asSlice(page * Page.SIZE_BYTES, (stop - page) * Page.SIZE_BYTES));
            page = present.nextSet(stop);
        }
    }
}
