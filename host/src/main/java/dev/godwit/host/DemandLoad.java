package dev.godwit.host;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.linux.FaultEvents;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Brings the pages of a guest that runs already: what it waits for at once, by a thread named {@code fault}, and the
 * rest by threads named {@code fill-N}, in the order of a policy. When nothing is left, the memory is ordinary again.
 *
 * <p>A page that cannot be read, or is not what was written, is never placed: the vCPU that touches it stays blocked,
 * {@link Standing#damage} says which page it is, and the others are brought all the same.
 */
public final class DemandLoad implements AutoCloseable {

    /** Pages are brought in runs of up to this much, so that a page that is waited for is not behind many others. */
    private static final long RUN_BYTES = 256 << 10;

    private static final int EVENTS_AT_ONCE = 64;

    /**
     * How far it is.
     *
     * @param remainingBytes still to be brought
     * @param faults how many pages were waited for
     * @param damage the first page that cannot be had, and why
     * @param isOver whether all of memory is here, and it is ordinary
     */
    public record Standing(long remainingBytes, long faults, Optional<String> damage, boolean isOver) {}

    /** Hears of the load, from its threads. */
    public interface Listener {
        /** Everything is here. */
        void complete();

        /** A page cannot be had; heard once. */
        void stalled(String why);
    }

    private final MissingRam missing;
    private final RamSource source;
    private final GuestMemory memory;
    private final int[] sourceBlocks;
    private final PageClaims claims;
    private final PushOrder order;
    private final Listener listener;
    private final List<Thread> fillers = new ArrayList<>();
    private final Thread faultThread =
            Thread.ofPlatform().name("fault").daemon(true).unstarted(this::serve);
    private final AtomicLong faults = new AtomicLong();
    private volatile @Nullable String damage;
    private volatile boolean stopped;
    private volatile boolean allBrought;
    private volatile boolean over;
    private int running;
    private final AtomicBoolean closed = new AtomicBoolean();

    private DemandLoad(
            MissingRam missing,
            RamSource source,
            GuestMemory memory,
            int[] sourceBlocks,
            PageClaims claims,
            PushOrder order,
            Listener listener) {
        this.missing = missing;
        this.source = source;
        this.memory = memory;
        this.sourceBlocks = sourceBlocks;
        this.claims = claims;
        this.order = order;
        this.listener = listener;
    }

    /**
     * Discards what is in memory, and begins to bring it; the guest may run from now on.
     *
     * @param source its blocks are the memory's by name and length; it is thread-safe, and not closed here
     * @param kernelFaults whether the kernel itself touches memory for the guest, as KVM does
     * @param threads how many bring what is not waited for, at least 1
     * @param policy makes the order in which they do
     * @throws IOException if a block is not the memory's, or pages cannot be missing here; the memory is ordinary then
     */
    public static DemandLoad begin(
            RamSource source,
            GuestMemory memory,
            boolean kernelFaults,
            int threads,
            Function<PageClaims, PushOrder> policy,
            Listener listener)
            throws IOException {
        int[] sourceBlocks = sourceBlocks(source.layout(), memory.layout());
        List<Long> hostPageBytes = new ArrayList<>();
        for (RamBlock block : source.layout().blocks()) {
            hostPageBytes.add(memory.hostPageBytes().get(memory.layout().indexOf(block.id())));
        }
        PageClaims claims = new PageClaims(source, hostPageBytes);
        MissingRam missing = MissingRam.begin(memory, kernelFaults);
        DemandLoad load = new DemandLoad(missing, source, memory, sourceBlocks, claims, policy.apply(claims), listener);
        load.start(threads);
        return load;
    }

    /** {@return why pages of this memory cannot be missing on this host; empty where they can} Memory is discarded. */
    public static Optional<String> refusal(GuestMemory memory, boolean kernelFaults) {
        try (MissingRam tried = MissingRam.begin(memory, kernelFaults)) {
            tried.end();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static int[] sourceBlocks(RamLayout source, RamLayout own) throws IOException {
        int[] indexes = new int[own.blocks().size()];
        for (int block = 0; block < indexes.length; block++) {
            indexes[block] = source.indexOf(own.block(block).id());
            if (indexes[block] < 0 || !source.block(indexes[block]).equals(own.block(block))) {
                throw new IOException("RAM: expected the blocks %s, found %s".formatted(own, source));
            }
        }
        if (source.blocks().size() != indexes.length) {
            throw new IOException("RAM: expected the blocks %s, found %s".formatted(own, source));
        }
        return indexes;
    }

    private void start(int threads) {
        running = threads;
        for (int index = 0; index < threads; index++) {
            fillers.add(Thread.ofPlatform().name("fill-" + index).daemon(true).unstarted(this::fill));
        }
        faultThread.start();
        fillers.forEach(Thread::start);
    }

    /** {@return how far it is} From any thread. */
    public Standing standing() {
        boolean done = over;
        return new Standing(done ? 0 : claims.bytesToPush(), faults.get(), Optional.ofNullable(damage), done);
    }

    private void serve() {
        try (FaultEvents events = new FaultEvents(EVENTS_AT_ONCE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment page = arena.allocate(largestHostPage(), Page.SIZE_BYTES);
            while (!stopped && !(allBrought && damage == null)) {
                missing.await(events, (block, hostPage) -> serve(block, hostPage, page));
            }
            if (!stopped) {
                complete();
            }
        } catch (IOException | RuntimeException | Error e) {
            stall("page faults are not heard any more: " + e);
        }
    }

    private long largestHostPage() {
        return memory.hostPageBytes().stream().mapToLong(bytes -> bytes).max().orElse(Page.SIZE_BYTES);
    }

    private void serve(int block, long hostPage, MemorySegment room) {
        faults.incrementAndGet();
        int from = sourceBlocks[block];
        if (claims.claim(from, hostPage)) {
            bring(block, hostPage, 1, room);
        }
        synchronized (order) {
            order.requested(new PagePlace(from, hostPage));
        }
    }

    private void fill() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment run = arena.allocate(Math.max(RUN_BYTES, largestHostPage()), Page.SIZE_BYTES);
            for (Run next = nextClaimed(); next != null && !stopped; next = nextClaimed()) {
                PagePlace first = next.first();
                int block = memory.layout()
                        .indexOf(source.layout().block(first.blockIndex()).id());
                long most =
                        Math.min(next.mostPages(), Math.max(1, RUN_BYTES / claims.hostPageBytes(first.blockIndex())));
                long pages = 1;
                while (pages < most && claimNext(first.blockIndex(), first.page() + pages)) {
                    pages++;
                }
                bring(block, first.page(), pages, run);
            }
        } catch (RuntimeException | Error e) {
            stall("pages are not brought any more: " + e);
            return;
        }
        fillerEnded();
    }

    /** A host page that has been claimed, and how many go well with it from there on. */
    private record Run(PagePlace first, long mostPages) {}

    private @Nullable Run nextClaimed() {
        while (true) {
            synchronized (order) {
                Optional<PagePlace> next = order.next();
                if (next.isEmpty()) {
                    return null;
                }
                if (claims.claim(next.get().blockIndex(), next.get().page())) {
                    return new Run(next.get(), order.pagesInRun());
                }
            }
        }
    }

    private boolean claimNext(int sourceBlock, long hostPage) {
        return hostPage < claims.hostPages(sourceBlock)
                && claims.isToPush(sourceBlock, hostPage)
                && claims.claim(sourceBlock, hostPage);
    }

    /** Brings host pages that the caller has claimed. */
    private void bring(int block, long firstHostPage, long pages, MemorySegment room) {
        long hostPageBytes = memory.hostPageBytes().get(block);
        long offsetBytes = firstHostPage * hostPageBytes;
        MemorySegment content = room.asSlice(0, pages * hostPageBytes);
        try {
            if (isZero(block, offsetBytes, content.byteSize())) {
                missing.placeZero(block, offsetBytes); // one host page: more are claimed only where they have content
                return;
            }
            if (read(block, offsetBytes, content, pages > 1)) {
                missing.place(block, offsetBytes, content);
                return;
            }
        } catch (IOException e) {
            stall(e.getMessage() == null ? e.toString() : e.getMessage());
            return;
        }
        for (long page = firstHostPage; page < firstHostPage + pages; page++) {
            bring(block, page, 1, room);
        }
    }

    private boolean isZero(int block, long offsetBytes, long lengthBytes) {
        long first = offsetBytes / Page.SIZE_BYTES;
        long present = source.present(sourceBlocks[block]).nextSet(first);
        return present < 0 || present >= first + lengthBytes / Page.SIZE_BYTES;
    }

    /** {@return false where not all can be read, and the caller is to look which} */
    private boolean read(int block, long offsetBytes, MemorySegment content, boolean several) throws IOException {
        try {
            source.read(sourceBlocks[block], offsetBytes, content);
            return true;
        } catch (IOException e) {
            if (several) {
                return false;
            }
            throw e;
        }
    }

    private void stall(String why) {
        synchronized (this) {
            if (damage != null) {
                return;
            }
            damage = why;
        }
        listener.stalled(why);
    }

    private void fillerEnded() {
        synchronized (this) {
            running--;
            if (running > 0) {
                return;
            }
        }
        // The fault thread may have claimed a page still: it is the one who knows when the last is placed.
        allBrought = true;
        try {
            missing.wake();
        } catch (IOException e) {
            stall("the end cannot be told: " + e);
        }
    }

    /** Where pages cannot be had this is never called, and faults are served on. */
    private void complete() throws IOException {
        missing.end();
        over = true;
        listener.complete();
    }

    private static void join(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException _) {
                interrupted = true; // memory may not go before it
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Ends the load, wherever it is; where pages are still missing, whoever waits for one sees zeros. To be called only
     * when everything is here, or the guest can never run on.
     */
    @Override
    public void close() throws IOException {
        if (closed.getAndSet(true)) {
            return;
        }
        stopped = true;
        missing.wake();
        join(faultThread);
        fillers.forEach(DemandLoad::join);
        if (!over) {
            missing.end();
            over = true;
        }
        missing.close();
    }
}
