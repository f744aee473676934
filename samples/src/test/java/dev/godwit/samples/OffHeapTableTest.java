package dev.godwit.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.operations.machine.LiveMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A table that is written by several threads all the time: whatever is made of it, no transfer is ever cut in two. */
@Timeout(300)
class OffHeapTableTest {

    private static final long KEYS = 1 << 20;
    private static final long SUM = 1_000_000;

    @TempDir
    private Path folder;

    /** Threads that transfer between random keys until they are told to stop. */
    private static final class Writers implements AutoCloseable {

        private final AtomicBoolean over = new AtomicBoolean();
        private final List<Thread> threads = new ArrayList<>();

        Writers(OffHeapTable table) {
            for (int i = 0; i < 3; i++) {
                SplittableRandom random = new SplittableRandom(i);
                threads.add(Thread.ofPlatform().daemon(true).start(() -> {
                    while (!over.get()) {
                        table.transfer(random.nextLong(KEYS), random.nextLong(KEYS), random.nextLong(100));
                    }
                }));
            }
        }

        @Override
        public void close() {
            over.set(true);
            for (Thread thread : threads) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    private static long sum(OffHeapTable table) {
        long sum = 0;
        for (long key = 0; key < KEYS; key++) {
            sum += table.get(key);
        }
        return sum;
    }

    @ParameterizedTest
    @ValueSource(strings = {"background", "live"})
    void a_snapshot_has_every_transfer_whole_while_the_table_serves_writes(String mode) throws IOException {
        Optional<String> missing =
                mode.equals("live") ? PagemapDirtyLog.missing() : UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> "no such snapshots here: " + missing.orElse(""));
        OffHeapTable.Hosted hosted = OffHeapTable.create(KEYS);
        Path file = folder.resolve("table.gw");
        try (LiveMachine live = LiveMachine.start(hosted.machine())) {
            hosted.table().add(0, SUM);
            try (Writers _ = new Writers(hosted.table())) {
                for (int round = 0; round < 5; round++) {
                    long before = hosted.table().writes();
                    LiveMachine.Taken taken = mode.equals("live") ? live.liveSnapshot(file) : live.snapshot(file);
                    assertThat(hosted.table().writes()).as("writes meanwhile").isGreaterThan(before);
                    assertThat(taken.pause()).isLessThan(taken.total());
                    assertSaved(file, before, hosted.table().writes());
                }
            }
        }
    }

    private static void assertSaved(Path file, long atLeast, long atMost) throws IOException {
        OffHeapTable.Hosted saved = OffHeapTable.create(KEYS);
        try (LiveMachine _ = LiveMachine.load(saved.machine(), file)) {
            assertThat(sum(saved.table())).isEqualTo(SUM);
            assertThat(saved.table().writes()).isBetween(atLeast, atMost);
        }
    }

    @Test
    void a_table_moves_to_another_process_while_it_serves_writes() throws Exception {
        Optional<String> missing = PagemapDirtyLog.missing();
        assumeTrue(missing.isEmpty(), () -> "no live moves here: " + missing.orElse(""));
        String uri = "unix:" + folder.resolve("table.sock");
        OffHeapTable.Hosted hosted = OffHeapTable.create(KEYS);
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        TakeTable.class.getName(),
                        Long.toString(KEYS),
                        uri)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader said = other.inputReader(StandardCharsets.UTF_8)) {
            assertThat(said.readLine()).isEqualTo("listening");
            LiveMachine live = LiveMachine.start(hosted.machine());
            hosted.table().add(0, SUM);
            Writers writers = new Writers(hosted.table());
            Duration pause = live.moveTo(uri);
            assertThat(pause).isPositive();
            long writes = hosted.table().writes();
            assertThat(said.readLine()).isEqualTo("arrived " + (SUM + 1) + " " + (writes + 1));
            assertThat(hosted.table().writes())
                    .as("nobody writes here any more")
                    .isEqualTo(writes);
            assertThat(writers.threads).allMatch(Thread::isAlive); // they wait at the gate of a table that has moved
        } finally {
            other.destroyForcibly();
        }
    }
}
