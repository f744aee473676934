package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.OpenFile;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Writers and the scan run at once, and no write may be missed. In each lap every page is written exactly once, in
 * random order, by stores of native code, of Java, and by a system call; meanwhile pages are collected and copied. A
 * write that is missed once is missed for good, and the copy differs. Runs for {@code -Dgodwit.soak=SECONDS} in all.
 */
class DirtyLogRaceTest {

    private static final int WRITERS = 2;
    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 16 << 20), new RamBlock("vram", 512 << 10)));
    private static final Duration SOAK = Duration.ofSeconds(Long.getLong("godwit.soak", 6));

    static Stream<Arguments> memoriesAndSeeds() {
        return Memories.all().flatMap(memory -> Stream.of(1L, 2L, 3L).map(seed -> Arguments.of(memory, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("memoriesAndSeeds")
    void no_write_is_missed_however_close_to_the_scan(RamOptions options, long seed) throws Exception {
        Memories.assumeDirtyLog();
        Memories.assumePossible(options, LAYOUT);
        long untilNs = System.nanoTime() + SOAK.toNanos() / memoriesAndSeeds().count();
        long laps = 0;
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                RamAllocation copy = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                PagemapDirtyLog log = PagemapDirtyLog.start(ram);
                OpenFile random = OpenFile.open(Path.of("/dev/urandom"));
                ExecutorService writers = Executors.newFixedThreadPool(WRITERS)) {
            do {
                lap(ram.memory(), copy.memory(), log, random, writers, seed * 1000 + laps);
                laps++;
            } while (System.nanoTime() < untilNs);
        }
    }

    private static void lap(
            GuestMemory ram, GuestMemory copy, PagemapDirtyLog log, OpenFile random, ExecutorService writers, long seed)
            throws Exception {
        List<Future<?>> running = new ArrayList<>();
        for (int writer = 0; writer < WRITERS; writer++) {
            int own = writer;
            running.add(writers.submit(() -> {
                writeOwnPages(ram, random, own, seed);
                return null;
            }));
        }
        List<PageBitmap> seen = Bitmaps.of(LAYOUT);
        while (!running.stream().allMatch(Future::isDone)) {
            collectAndCopy(ram, copy, log, seen);
        }
        for (Future<?> writer : running) {
            writer.get();
        }
        collectAndCopy(ram, copy, log, seen);
        for (int block = 0; block < seen.size(); block++) {
            assertThat(seen.get(block).nextClear(0))
                    .as("the first page not reported, seed %d", seed)
                    .isEqualTo(-1);
            assertThat(ram.block(block).mismatch(copy.block(block)))
                    .as("the first byte not copied, seed %d", seed)
                    .isEqualTo(-1);
        }
    }

    private static void writeOwnPages(GuestMemory ram, OpenFile random, int writer, long seed) throws IOException {
        SplittableRandom order = new SplittableRandom(seed * WRITERS + writer);
        long pages = LAYOUT.totalBytes() / 4096;
        List<Long> own = new ArrayList<>();
        for (long page = writer; page < pages; page += WRITERS) {
            own.add(page);
        }
        for (int i = own.size() - 1; i > 0; i--) {
            own.set(i, own.set(order.nextInt(i + 1), own.get(i)));
        }
        for (long page : own) {
            int block = page < LAYOUT.block(0).pages() ? 0 : 1;
            long offset = (page - block * LAYOUT.block(0).pages()) * 4096 + order.nextInt(511) * 8L;
            switch (order.nextInt(8)) {
                case 0 -> ram.block(block).set(ValueLayout.JAVA_LONG, offset, order.nextLong() | 1);
                case 1 -> random.read(0, ram.block(block).asSlice(offset, 8));
                default -> NativeMemory.store(ram.hostAddress(block, offset), order.nextLong() | 1);
            }
        }
    }

    private static void collectAndCopy(GuestMemory ram, GuestMemory copy, PagemapDirtyLog log, List<PageBitmap> seen)
            throws IOException {
        List<PageBitmap> dirty = Bitmaps.of(LAYOUT);
        log.collect(dirty);
        for (int block = 0; block < dirty.size(); block++) {
            for (long page = dirty.get(block).nextSet(0);
                    page >= 0;
                    page = dirty.get(block).nextSet(page + 1)) {
                seen.get(block).set(page);
                NativeMemory.copy(copy.hostAddress(block, page * 4096), ram.hostAddress(block, page * 4096), 4096);
            }
        }
    }
}
