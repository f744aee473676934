package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.linux.Mapping;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Sharing;
import dev.godwit.linux.Threads;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class UserfaultfdWriteTrackingTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 4 << 20), new RamBlock("rom", 64 << 10)));

    @TempDir
    private Path folder;

    @BeforeEach
    void needs_a_kernel_that_can() {
        Optional<String> missing = UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    }

    /** A thread that stores a number at an address. */
    private static Thread writing(long address, long value) {
        return Thread.ofPlatform().daemon(true).start(() -> NativeMemory.store(address, value));
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void a_write_waits_until_its_page_is_let_go_and_a_read_does_not(RamOptions options) throws Exception {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                UserfaultfdWriteTracking tracking =
                        UserfaultfdWriteTracking.start(ram.memory(), Set.of("rom"), false)) {
            int unit = tracking.unitPages(0);
            long page = 600;
            long address = ram.memory().hostAddress(0, page * 4096);
            NativeMemory.store(ram.memory().hostAddress(0, 0), 1); // the other pages were never there
            tracking.protect(0, 0, 1024);
            assertThat(NativeMemory.load(address)).isZero();
            AtomicInteger writer = new AtomicInteger();
            CountDownLatch begun = new CountDownLatch(1);
            Thread thread = Thread.ofPlatform().daemon(true).start(() -> {
                writer.set(Threads.currentId());
                begun.countDown();
                NativeMemory.store(address, 42);
            });
            begun.await();
            List<Long> pages = new ArrayList<>();
            assertThat(tracking.awaitWrites((block, waits, threadId, _) -> {
                        assertThat(block).isZero();
                        assertThat(threadId).isEqualTo(writer.get());
                        pages.add(waits);
                    }))
                    .isTrue();
            assertThat(pages).hasSize(1);
            assertThat(pages.getFirst()).isBetween(page - page % unit, page);
            assertThat(NativeMemory.load(address)).isZero();
            assertThat(thread.isAlive()).isTrue();
            tracking.letGo(0, page - page % unit, unit);
            thread.join();
            assertThat(NativeMemory.load(address)).isEqualTo(42);
        }
    }

    @Test
    void a_write_that_waits_before_anybody_reads_has_not_waited_since_the_clock_s_beginning() throws Exception {
        long startNs = System.nanoTime();
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                UserfaultfdWriteTracking tracking = UserfaultfdWriteTracking.start(ram.memory(), Set.of(), false)) {
            tracking.protect(0, 0, 1024);
            AtomicInteger writer = new AtomicInteger();
            Thread thread = Thread.ofPlatform().daemon(true).start(() -> {
                writer.set(Threads.currentId());
                NativeMemory.store(ram.memory().hostAddress(0, 0), 1);
            });
            for (int looks = 0; looks < 500; ) { // for a moment it may wait for something else
                assertThat(System.nanoTime() - startNs)
                        .as("a write that waits")
                        .isLessThan(Duration.ofMinutes(2).toNanos());
                looks = writer.get() != 0 && waitsInTheKernel(writer.get()) ? looks + 1 : 0;
            }
            List<Long> since = new ArrayList<>();
            while (since.isEmpty()) {
                boolean _ = tracking.awaitWrites((_, _, _, sinceNs) -> since.add(sinceNs));
            }
            tracking.letGo(0, 0, 1);
            thread.join();
            assertThat(since.getFirst() - startNs).isNotNegative();
        }
    }

    /** By the state that stands behind the name in brackets. */
    private static boolean waitsInTheKernel(int threadId) throws IOException {
        String stat = Files.readString(Path.of("/proc/self/task/" + threadId + "/stat"));
        return stat.charAt(stat.lastIndexOf(')') + 2) != 'R';
    }

    @Test
    void a_block_that_the_guest_cannot_write_is_left_out() throws Exception {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                UserfaultfdWriteTracking tracking =
                        UserfaultfdWriteTracking.start(ram.memory(), Set.of("rom"), false)) {
            assertThat(tracking.isTracked(0)).isTrue();
            assertThat(tracking.isTracked(1)).isFalse();
            tracking.protect(0, 0, 1024);
            NativeMemory.store(ram.memory().hostAddress(1, 0), 7); // does not wait
        }
    }

    @Test
    void the_end_lets_everybody_go_and_the_memory_is_as_it_was() throws Exception {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT)) {
            UserfaultfdWriteTracking tracking = UserfaultfdWriteTracking.start(ram.memory(), Set.of(), false);
            tracking.protect(0, 0, 1024);
            CountDownLatch waiting = new CountDownLatch(3);
            Thread reader = Thread.ofPlatform().daemon(true).start(() -> {
                try {
                    while (tracking.awaitWrites((_, _, _, _) -> waiting.countDown())) {
                        // nobody is let go here
                    }
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            List<Thread> writers = new ArrayList<>();
            for (int page = 0; page < 3; page++) {
                writers.add(writing(ram.memory().hostAddress(0, page * 4096L), 1));
            }
            waiting.await();
            tracking.close();
            tracking.close();
            for (Thread writer : writers) {
                writer.join();
            }
            reader.join();
            try (UserfaultfdWriteTracking again = UserfaultfdWriteTracking.start(ram.memory(), Set.of(), false)) {
                assertThat(again.isTracked(1)).isTrue();
            }
        }
    }

    @Test
    void memory_that_cannot_be_tracked_is_refused_by_name_and_the_rest_is_as_it_was() throws Exception {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                OpenFile file = OpenFile.open(folder.resolve("ram"), OpenFlag.CREATE_NEW)) {
            file.truncate(64 << 10);
            try (Mapping mapping = Mapping.ofFile(file, 0, 64 << 10, Sharing.SHARED, Protection.READ_WRITE)) {
                RamLayout layout =
                        new RamLayout(List.of(new RamBlock("ram", 4 << 20), new RamBlock("nvdimm", 64 << 10)));
                GuestMemory memory = new GuestMemory(
                        layout, List.of(ram.memory().block(0), mapping.memory()), List.of(4096L, 4096L));
                assertThatIOException()
                        .isThrownBy(() -> UserfaultfdWriteTracking.start(memory, Set.of(), false))
                        .withMessageContaining("nvdimm");
                UserfaultfdWriteTracking.start(memory, Set.of("nvdimm"), false).close();
            }
        }
    }

    @Test
    void memory_that_is_tracked_already_is_said_to_be_busy() throws Exception {
        Memories.assumeDirtyLog();
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT);
                PagemapDirtyLog _ = PagemapDirtyLog.start(ram)) {
            assertThatIOException()
                    .isThrownBy(() -> UserfaultfdWriteTracking.start(ram.memory(), Set.of(), false))
                    .withMessageContaining("block ram is busy");
        }
    }
}
