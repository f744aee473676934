package dev.godwit.host;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.linux.HugePages;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.PageCategory;
import dev.godwit.linux.PagemapScan;
import dev.godwit.ram.RamLayout;
import java.util.stream.Stream;

/** The kinds of memory that tests go through. */
final class Memories {

    private Memories() {}

    static Stream<RamOptions> all() {
        return Stream.of(
                new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED),
                new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.WANTED),
                RamOptions.of(RamBacking.MEMFD),
                new RamOptions(RamBacking.MEMFD, TransparentHugePages.WANTED),
                RamOptions.of(RamBacking.HUGETLB_2M));
    }

    /** Skips a test by name where there are not enough huge pages. */
    static void assumePossible(RamOptions options, RamLayout layout) {
        if (options.backing() == RamBacking.HUGETLB_2M) {
            long needed = layout.totalBytes() >> 21;
            long free = HugePages.pools().stream()
                    .filter(pool -> pool.pageSizeBytes() == 2 << 20)
                    .mapToLong(HugePages::freePages)
                    .sum();
            assumeTrue(
                    free >= needed,
                    "RAM on huge pages needs %d free ones of 2 MiB: sudo sysctl vm.nr_hugepages=%d"
                            .formatted(needed, needed));
        }
    }

    /** Skips a test by name where the kernel does not tell what was touched. */
    static void assumePagemapScan() {
        assumeTrue(PagemapScan.isSupported(), "PAGEMAP_SCAN needs Linux 6.7");
    }

    /** {@return how many bytes of a range of a block are in pages of some kind} */
    static long bytesOf(PageCategory kind, RamAllocation ram, int block, long fromBytes, long toBytes)
            throws LinuxException {
        long address = ram.memory().hostAddress(block, 0);
        try (PagemapScan scan = PagemapScan.open(64)) {
            return scan.scanAll(
                    address + fromBytes, address + toBytes, PagemapScan.Query.of(kind), (from, to, kinds) -> {});
        }
    }

    /** Skips a test by name where the kernel cannot track writes. */
    static void assumeDirtyLog() {
        assumeTrue(
                PagemapDirtyLog.missing().isEmpty(),
                () -> PagemapDirtyLog.missing().orElse(""));
    }
}
