package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.linux.Advice;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.PageCategory;
import dev.godwit.linux.ProcessMemory;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Sharing;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PagemapDirtyLogTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 4 << 20), new RamBlock("vram", 64 << 10)));

    @BeforeEach
    void needs_a_kernel_that_can() {
        Memories.assumeDirtyLog();
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void what_is_written_after_the_start_is_reported_once_and_what_was_before_is_not(RamOptions options)
            throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            long unitPages = ram.memory().hostPageBytes().get(0) / 4096;
            write(ram, 0, 10);
            write(ram, 1, 3);
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                assertThat(collect(log)).isEmpty();
                write(ram, 0, 20);
                write(ram, 0, 600);
                write(ram, 1, 15);
                List<Long> first = collect(log);
                assertThat(first).contains(20L, 600L, 1024L + 15);
                if (unitPages == 1) {
                    assertThat(first).hasSize(3);
                }
                assertThat(collect(log)).isEmpty();
                write(ram, 0, 20);
                assertThat(collect(log)).contains(20L);
            }
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 20 * 4096)))
                    .isEqualTo(21);
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 10 * 4096)))
                    .isEqualTo(11);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void the_last_look_finds_what_another_would_and_protects_nothing(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            write(ram, 0, 10);
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                write(ram, 0, 20);
                assertThat(collect(log)).contains(20L);
                write(ram, 0, 600);
                write(ram, 1, 15);
                log.markWritten(0, 7, 1);
                List<Long> last = collect(dirty -> log.collectLast(dirty, Bitmaps.of(LAYOUT)));
                assertThat(last).contains(7L, 600L, 1024L + 15);
                if (ram.memory().hostPageBytes().get(0) == 4096) {
                    assertThat(last).hasSize(3);
                }
                assertThat(collect(dirty -> log.collectLast(dirty, Bitmaps.of(LAYOUT))))
                        .contains(600L, 1024L + 15);
            }
        }
    }

    @RepeatedTest(5)
    void the_last_look_does_not_look_where_all_is_known_and_finds_everything_else(RepetitionInfo repetition)
            throws IOException {
        SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
        long pages = 6 * 4096 + 100;
        RamLayout layout = new RamLayout(List.of(new RamBlock("large", pages * 4096)));
        RamOptions options = new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED);
        try (RamAllocation ram = RamAllocation.allocate(layout, options)) {
            PageBitmap known = new PageBitmap(pages);
            for (int run = 0; run < 3; run++) {
                long first = random.nextLong(pages);
                known.set(first, random.nextLong(1, pages - first + 1));
            }
            known.set(4096, 4096);
            PageBitmap written = new PageBitmap(pages);
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                for (int write = 0; write < 500; write++) {
                    long page = random.nextLong(pages);
                    NativeMemory.store(ram.memory().hostAddress(0, page * 4096), write);
                    written.set(page);
                }
                written.set(5000);
                NativeMemory.store(ram.memory().hostAddress(0, 5000 * 4096), 1);
                PageBitmap found = new PageBitmap(pages);
                log.collectLast(List.of(found), List.of(known));

                assertThat(found.get(5000)).isFalse();
                for (long page = 0; page < pages; page++) {
                    if (!known.get(page)) {
                        assertThat(found.get(page)).as("page %d", page).isEqualTo(written.get(page));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void memory_that_was_never_touched_or_only_read_is_reported_when_it_is_written(RamOptions options)
            throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 5 * 4096))).isZero();
            collect(log);
            write(ram, 0, 5);
            write(ram, 0, 6);
            assertThat(collect(log)).contains(5L, 6L);
        }
    }

    @Test
    void a_transparent_huge_page_stays_whole_until_it_is_written_and_the_page_alone_is_reported() throws IOException {
        try (RamAllocation ram =
                RamAllocation.allocate(LAYOUT, new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.WANTED))) {
            LongStream.range(0, 512).forEach(page -> write(ram, 0, page));
            LongStream.range(512, 1024)
                    .forEach(page -> NativeMemory.load(ram.memory().hostAddress(0, page * 4096)));
            assumeThat(hugeBytes(ram)).as("the host has huge pages to give").isEqualTo(4 << 20);
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                assertThat(collect(log)).isEmpty();
                assertThat(hugeBytes(ram)).isEqualTo(4 << 20);
                write(ram, 0, 20);
                assertThat(collect(log)).containsExactly(20L);
                assertThat(hugeBytes(ram)).isEqualTo(2 << 20);
                write(ram, 0, 700); // all of it was the kernel's huge page of zeros
                write(ram, 0, 21);
                assertThat(collect(log)).containsExactly(21L, 700L);
                LongStream.range(0, 512).forEach(page -> write(ram, 0, page));
                assertThat(collect(log)).hasSize(512);
            }
        }
    }

    private static long hugeBytes(RamAllocation ram) throws IOException {
        return Memories.bytesOf(PageCategory.HUGE, ram, 0, 0, 4 << 20);
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void system_calls_and_java_that_write_the_memory_are_seen(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                OpenFile zeros = OpenFile.open(Path.of("/dev/zero"))) {
            write(ram, 0, 1);
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                collect(log);
                zeros.read(0, ram.memory().block(0).asSlice(512 * 4096, 2 * 4096));
                long at = ram.memory().hostAddress(0, 0);
                assertThat(ProcessMemory.write(at + 700 * 4096, at + 4096, 8)).isEqualTo(8);
                ram.memory().block(0).set(ValueLayout.JAVA_INT, 1000 * 4096, 5);
                assertThat(collect(log)).contains(512L, 513L, 700L, 1000L);
            }
        }
    }

    @Test
    void what_cannot_be_seen_is_reported_when_it_is_told() throws IOException {
        RamOptions options = RamOptions.of(RamBacking.MEMFD);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            Memfd memfd = ram.memfd(0).orElseThrow();
            LongStream.range(0, 16).forEach(page -> write(ram, 0, page));
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram);
                    Mapping other = Mapping.of(memfd, 0, 8 * 4096, Sharing.SHARED, Protection.READ_WRITE)) {
                NativeMemory.store(other.address(), 99);
                memfd.punchHole(4 * 4096, 4096);
                log.markWritten(0, 0, 1);
                log.markWritten(0, 4, 1);
                assertThat(collect(log)).containsExactly(0L, 4L);
                assertThat(collect(log)).isEmpty();
            }
        }
    }

    @Test
    void anonymous_memory_that_is_given_back_is_reported() throws IOException {
        RamOptions options = new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            LongStream.range(0, 16).forEach(page -> write(ram, 0, page));
            try (PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
                ram.mapping(0).advise(Advice.DONTNEED, 4 * 4096, 4096);
                assertThat(collect(log)).containsExactly(4L);
            }
        }
    }

    @Test
    void a_second_log_is_refused_and_the_first_goes_on() throws IOException {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                PagemapDirtyLog log = PagemapDirtyLog.start(ram)) {
            assertThatIOException().isThrownBy(() -> PagemapDirtyLog.start(ram)).withMessageContaining("busy");
            write(ram, 0, 3);
            assertThat(collect(log)).contains(3L);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void after_the_close_nothing_is_left_and_another_may_watch(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            write(ram, 0, 3);
            PagemapDirtyLog.start(ram).close();
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 3 * 4096))).isEqualTo(4);
            try (Userfaultfd other = Userfaultfd.open(Set.of(), Set.of())) {
                other.register(ram.memory().hostAddress(0, 0), 4 << 20, Userfaultfd.Mode.MISSING);
            }
            try (PagemapDirtyLog second = PagemapDirtyLog.start(ram)) {
                assertThat(collect(second)).isEmpty();
                write(ram, 0, 9);
                assertThat(collect(second)).contains(9L);
            }
        }
    }

    private static void write(RamAllocation ram, int block, long page) {
        NativeMemory.store(ram.memory().hostAddress(block, page * 4096), page + 1);
    }

    /** The pages of a collect, those of the second block after those of the first. */
    private static List<Long> collect(PagemapDirtyLog log) throws IOException {
        return collect(log::collect);
    }

    /** {@link PagemapDirtyLog#collect} or another look. */
    private interface Look {
        long into(List<PageBitmap> dirty) throws IOException;
    }

    private static List<Long> collect(Look look) throws IOException {
        List<PageBitmap> dirty = Bitmaps.of(LAYOUT);
        long reported = look.into(dirty);
        List<Long> pages = LongStream.concat(
                        Bitmaps.pages(dirty.get(0)), Bitmaps.pages(dirty.get(1)).map(page -> page + 1024))
                .boxed()
                .toList();
        assertThat(reported).isEqualTo(pages.size());
        return pages;
    }
}
