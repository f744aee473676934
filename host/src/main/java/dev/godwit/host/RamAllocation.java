package dev.godwit.host;

import dev.godwit.linux.Advice;
import dev.godwit.linux.Errno;
import dev.godwit.linux.HugePageSize;
import dev.godwit.linux.HugePages;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Seal;
import dev.godwit.linux.Sharing;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The RAM of a machine as memory of this process, and its one owner. It is zero and takes no room until it is touched;
 * only huge pages are had at once, because the kernel ends a process that touches one it does not have.
 *
 * <p>{@link #close} unmaps it: every vCPU, userfaultfd and channel that knows an address has ended before.
 */
public final class RamAllocation implements AutoCloseable {

    private final List<Mapping> mappings = new ArrayList<>();
    private final List<Optional<Memfd>> memfds = new ArrayList<>();
    private final List<Long> hostPageBytes = new ArrayList<>();
    private final GuestMemory memory;
    private final TransparentHugePages transparentHugePages;

    private RamAllocation(RamLayout layout, RamOptions options) throws IOException {
        transparentHugePages = options.transparentHugePages();
        try {
            for (RamBlock block : layout.blocks()) {
                add(block, options);
            }
            memory = new GuestMemory(
                    layout, mappings.stream().map(Mapping::memory).toList(), hostPageBytes);
        } catch (IOException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * Has the RAM of a machine from the kernel.
     *
     * @throws IOException if the kernel has not enough of it, in particular of huge pages, or a block is no multiple of
     *     them; nothing is left then
     */
    public static RamAllocation allocate(RamLayout layout, RamOptions options) throws IOException {
        if (options.backing() == RamBacking.HUGETLB_2M) {
            checkPool(layout);
        }
        return new RamAllocation(layout, options);
    }

    private void add(RamBlock block, RamOptions options) throws IOException {
        switch (options.backing()) {
            case ANONYMOUS -> {
                memfds.add(Optional.empty());
                mappings.add(Mapping.anonymous(block.lengthBytes()));
            }
            case MEMFD -> addMemfd(block, HugePageSize.NONE);
            case HUGETLB_2M -> addMemfd(block, hugePagesOf(block));
        }
        hostPageBytes.add(
                memfds.getLast().map(Memfd::pages).orElse(HugePageSize.NONE).pageBytes());
        advise(mappings.getLast(), options.transparentHugePages());
    }

    private void addMemfd(RamBlock block, HugePageSize pages) throws IOException {
        Memfd memfd = Memfd.create("godwit-ram-" + memfds.size(), block.lengthBytes(), pages);
        memfds.add(Optional.of(memfd));
        // whoever is given the descriptor can then not take the memory away under the guest
        memfd.seal(Seal.SHRINK, Seal.GROW);
        Mapping mapping = Mapping.of(memfd, 0, block.lengthBytes(), Sharing.SHARED, Protection.READ_WRITE);
        mappings.add(mapping);
        if (pages != HugePageSize.NONE) {
            populate(block, mapping);
        }
    }

    private static void populate(RamBlock block, Mapping mapping) throws IOException {
        try {
            mapping.advise(Advice.POPULATE_WRITE);
        } catch (LinuxException e) {
            throw new IOException("block %s: %s".formatted(block.id(), poolTooSmall(block.lengthBytes())), e);
        }
    }

    private static void advise(Mapping mapping, TransparentHugePages wish) throws IOException {
        try {
            switch (wish) {
                case HOST_SETTING -> {}
                case WANTED -> mapping.advise(Advice.HUGEPAGE);
                case UNWANTED -> mapping.advise(Advice.NOHUGEPAGE);
            }
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.EINVAL)) { // what a kernel without them says
                throw e;
            }
        }
    }

    private static HugePageSize hugePagesOf(RamBlock block) {
        return block.lengthBytes() < HugePageSize.MIB_2.pageBytes() ? HugePageSize.NONE : HugePageSize.MIB_2;
    }

    private static void checkPool(RamLayout layout) throws IOException {
        long pageBytes = HugePageSize.MIB_2.pageBytes();
        long bytes = 0;
        for (RamBlock block : layout.blocks()) {
            if (hugePagesOf(block) == HugePageSize.MIB_2) {
                if (block.lengthBytes() % pageBytes != 0) {
                    throw new IOException("block %s has %d bytes, no multiple of the huge page of %d"
                            .formatted(block.id(), block.lengthBytes(), pageBytes));
                }
                bytes += block.lengthBytes();
            }
        }
        if (freeHugePages() < bytes / pageBytes) {
            throw new IOException(poolTooSmall(bytes));
        }
    }

    private static String poolTooSmall(long bytes) {
        long pages = bytes / HugePageSize.MIB_2.pageBytes();
        return "RAM of %d bytes needs %d huge pages of 2 MiB, and the kernel has %d free: sudo sysctl vm.nr_hugepages=%d"
                .formatted(bytes, pages, freeHugePages(), totalHugePages() - freeHugePages() + pages);
    }

    private static long freeHugePages() {
        return pool().map(HugePages::freePages).orElse(0L);
    }

    private static long totalHugePages() {
        return pool().map(HugePages::totalPages).orElse(0L);
    }

    private static Optional<HugePages> pool() {
        return HugePages.pools().stream()
                .filter(pool -> pool.pageSizeBytes() == HugePageSize.MIB_2.pageBytes())
                .findFirst();
    }

    /** {@return the memory, mapped until {@link #close}} */
    public GuestMemory memory() {
        return memory;
    }

    /** {@return the mapping of a block, to advise the kernel of} */
    public Mapping mapping(int blockIndex) {
        return mappings.get(blockIndex);
    }

    /** {@return what the kernel was told of transparent huge pages} */
    TransparentHugePages transparentHugePages() {
        return transparentHugePages;
    }

    /** {@return the memory file of a block, to be given to other processes; empty for anonymous memory} */
    public Optional<Memfd> memfd(int blockIndex) {
        return memfds.get(blockIndex);
    }

    /** Unmaps the memory and closes its descriptors. Twice does no harm. */
    @Override
    public void close() {
        mappings.forEach(Mapping::close);
        memfds.forEach(memfd -> memfd.ifPresent(Memfd::close));
    }
}
