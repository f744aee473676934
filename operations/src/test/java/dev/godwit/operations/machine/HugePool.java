package dev.godwit.operations.machine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.host.RamBacking;
import dev.godwit.linux.HugePages;

/** Whether the kernel's pool has room for a test. */
final class HugePool {

    private static final long PAGE_BYTES = 2 << 20;

    private HugePool() {}

    /** Skips the test where memory of a kind is not to be had. */
    static void assumeEnough(RamBacking backing, long bytes) {
        long freeBytes = HugePages.pools().stream()
                .filter(pool -> pool.pageSizeBytes() == PAGE_BYTES)
                .mapToLong(pool -> pool.freePages() * PAGE_BYTES)
                .sum();
        assumeTrue(
                backing != RamBacking.HUGETLB_2M || freeBytes >= bytes,
                () -> "needs %d bytes of huge pages; %d are free: sudo sysctl vm.nr_hugepages=%d"
                        .formatted(bytes, freeBytes, bytes / PAGE_BYTES));
    }
}
