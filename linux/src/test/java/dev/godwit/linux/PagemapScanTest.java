package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.linux.Userfaultfd.Mode;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PagemapScanTest {

    private static final int PAGE = Host.pageSize();
    private static final int PAGES = 2048;
    private static final long LENGTH = (long) PAGES * PAGE;
    private static final UserfaultfdFeature[] ASYNC = {
        UserfaultfdFeature.PAGEFAULT_FLAG_WP,
        UserfaultfdFeature.WP_ASYNC,
        UserfaultfdFeature.WP_UNPOPULATED,
        UserfaultfdFeature.WP_HUGETLBFS_SHMEM
    };

    enum Kind {
        ANONYMOUS,
        TRANSPARENT_HUGE,
        MEMORY_FILE;

        Mapping map() throws LinuxException {
            return switch (this) {
                case ANONYMOUS -> advised(Advice.NOHUGEPAGE);
                case TRANSPARENT_HUGE -> advised(Advice.HUGEPAGE);
                case MEMORY_FILE -> {
                    try (Memfd memfd = Memfd.create("guest", LENGTH, HugePageSize.NONE)) {
                        yield Mapping.of(memfd, 0, LENGTH, Sharing.SHARED, Protection.READ_WRITE);
                    }
                }
            };
        }

        private static Mapping advised(Advice advice) throws LinuxException {
            Mapping mapping = Mapping.anonymous(LENGTH);
            mapping.advise(advice);
            return mapping;
        }
    }

    @BeforeEach
    void needs_the_call() {
        assumeThat(PagemapScan.isSupported())
                .as("this kernel has no PAGEMAP_SCAN (since Linux 6.7)")
                .isTrue();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void exactly_the_written_pages_are_found_and_only_once(Kind kind) throws Exception {
        try (Mapping memory = kind.map();
                Userfaultfd userfaultfd = FaultServer.open(ASYNC);
                PagemapScan scan = PagemapScan.open(64)) {
            memory.memory().fill((byte) 1);
            userfaultfd.register(memory.address(), LENGTH, Mode.WRITE_PROTECT);
            assertThat(userfaultfd.writeProtect(memory.address(), LENGTH, true, true))
                    .isZero();
            assertThat(written(scan, memory).cardinality()).isZero();
            Random random = new Random(20261121);
            BitSet expected = new BitSet();
            for (int i = 0; i < 300; i++) {
                int page = random.nextInt(PAGES);
                expected.set(page);
                memory.memory().set(JAVA_INT, (long) page * PAGE + random.nextInt(PAGE / 4) * 4L, i);
            }
            NativeMemory.fill(memory.address() + 1000L * PAGE, 7, 200L * PAGE);
            expected.set(1000, 1200);
            assertThat(written(scan, memory)).isEqualTo(expected);
            assertThat(written(scan, memory).cardinality()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void no_write_is_lost_to_a_copy_that_scans_while_two_threads_write(Kind kind) throws Exception {
        try (Mapping memory = kind.map();
                Mapping copy = Mapping.anonymous(LENGTH);
                Userfaultfd userfaultfd = FaultServer.open(ASYNC);
                PagemapScan scan = PagemapScan.open(256)) {
            userfaultfd.register(memory.address(), LENGTH, Mode.WRITE_PROTECT);
            assertThat(userfaultfd.writeProtect(memory.address(), LENGTH, true, true))
                    .isZero();
            AtomicBoolean stop = new AtomicBoolean();
            List<Thread> writers = new ArrayList<>();
            for (int seed = 0; seed < 2; seed++) {
                Random random = new Random(seed);
                writers.add(Thread.ofPlatform().start(() -> {
                    while (!stop.get()) {
                        long at = random.nextInt(PAGES) * (long) PAGE + random.nextInt(PAGE / 8) * 8L;
                        memory.memory().set(JAVA_LONG, at, random.nextLong());
                    }
                }));
            }
            for (int round = 0; round < 50; round++) {
                copyWritten(scan, memory, copy);
            }
            stop.set(true);
            for (Thread writer : writers) {
                writer.join();
            }
            copyWritten(scan, memory, copy);
            assertThat(MemorySegment.mismatch(memory.memory(), 0, LENGTH, copy.memory(), 0, LENGTH))
                    .isEqualTo(-1);
            assertThat(written(scan, memory).cardinality()).isZero();
        }
    }

    private static void copyWritten(PagemapScan scan, Mapping memory, Mapping copy) throws LinuxException {
        scan.writtenAndProtect(memory.address(), memory.address() + LENGTH, (start, end, categories) -> {
            NativeMemory.copy(copy.address() + start - memory.address(), start, end - start);
        });
    }

    @Test
    void a_scan_that_is_full_says_where_to_go_on_and_leaves_the_rest_alone() throws Exception {
        try (Mapping memory = Kind.ANONYMOUS.map();
                Userfaultfd userfaultfd = FaultServer.open(ASYNC);
                PagemapScan scan = PagemapScan.open(4)) {
            long end = memory.address() + LENGTH;
            userfaultfd.register(memory.address(), LENGTH, Mode.WRITE_PROTECT);
            userfaultfd.writeProtect(memory.address(), LENGTH, true, true);
            for (int page = 0; page < 20; page += 2) {
                memory.memory().set(JAVA_INT, (long) page * PAGE, 1);
            }
            var query = PagemapScan.Query.writtenAndProtect();
            assertThat(scan.scan(memory.address(), end, query)).isEqualTo(4);
            assertThat(scan.walkEnd()).isBetween(scan.end(3), memory.address() + 8L * PAGE);
            assertThat(scan.categories(3)).isEqualTo(PageCategory.WRITTEN.bit());
            assertThatThrownBy(() -> scan.start(4)).isInstanceOf(IndexOutOfBoundsException.class);
            BitSet rest = new BitSet();
            for (int page = 8; page < 20; page += 2) {
                rest.set(page);
            }
            assertThat(written(scan, memory)).isEqualTo(rest);
        }
    }

    @Test
    void a_scan_finds_no_more_pages_than_it_may() throws Exception {
        try (Mapping memory = Kind.ANONYMOUS.map();
                PagemapScan scan = PagemapScan.open(16)) {
            memory.memory().asSlice(0, 100L * PAGE).fill((byte) 1);
            Set<PageCategory> present = Set.of(PageCategory.PRESENT);
            var query = new PagemapScan.Query(present, Set.of(), Set.of(), present, false, false, 30);
            assertThat(scan.scan(memory.address(), memory.address() + LENGTH, query))
                    .isEqualTo(1);
            assertThat(scan.end(0) - scan.start(0)).isEqualTo(30L * PAGE);
            assertThat(scan.scanAll(memory.address(), memory.address() + LENGTH, query, (from, to, kinds) -> {}))
                    .isEqualTo(100L * PAGE);
        }
    }

    @Test
    void pages_are_told_apart_by_what_they_are_not() throws Exception {
        try (Mapping memory = Kind.ANONYMOUS.map();
                PagemapScan scan = PagemapScan.open(16)) {
            memory.memory().asSlice(0, 10L * PAGE).fill((byte) 1);
            assertThat(memory.memory().get(JAVA_LONG, 10L * PAGE)).isZero(); // reads the kernel's page of zeros in
            Set<PageCategory> present = Set.of(PageCategory.PRESENT);
            var query =
                    new PagemapScan.Query(present, Set.of(), Set.of(PageCategory.PFNZERO), present, false, false, 0);
            assertThat(scan.scan(memory.address(), memory.address() + 20L * PAGE, query))
                    .isEqualTo(1);
            assertThat(scan.end(0)).isEqualTo(memory.address() + 10L * PAGE);
        }
    }

    @Test
    void memory_without_asynchronous_protection_is_refused() throws Exception {
        try (Mapping memory = Kind.ANONYMOUS.map();
                PagemapScan scan = PagemapScan.open(16)) {
            memory.memory().fill((byte) 1);
            assertThatThrownBy(() -> written(scan, memory))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPERM));
            PagemapScan closed = PagemapScan.open(16);
            closed.close();
            assertThatThrownBy(() -> written(closed, memory))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBADF));
        }
    }

    private static BitSet written(PagemapScan scan, Mapping memory) throws LinuxException {
        BitSet pages = new BitSet();
        long found = scan.writtenAndProtect(memory.address(), memory.address() + LENGTH, (start, end, categories) -> {
            pages.set((int) ((start - memory.address()) / PAGE), (int) ((end - memory.address()) / PAGE));
        });
        assertThat(found).isEqualTo((long) pages.cardinality() * PAGE);
        return pages;
    }
}
