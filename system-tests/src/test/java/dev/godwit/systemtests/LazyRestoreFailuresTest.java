package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.LazyRestore;
import dev.godwit.operations.LazyRestoreOptions;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.qmp.EventQueue;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Guests whose lazy restore breaks off: before they run, and after. */
@Timeout(600)
class LazyRestoreFailuresTest {

    private static final Duration SOON = Duration.ofSeconds(60);
    private static final long SLOW = 16 << 20;
    private static final int SIGSEGV = 11;

    /** Between the snapshots of one QEMU and the destinations of all tests. */
    @TempDir
    private static Path folder = Path.of("");

    private static final QemuLaunch PC = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc-i440fx-7.2");
    private static Path file = Path.of("");
    private static String checksum = "";

    @BeforeAll
    static void take_a_snapshot_that_both_qemus_can_load() throws Exception {
        file = folder.resolve("snapshot");
        checksum = LazyRestoreTest.snapshot(PC.on(QemuVersion.QEMU_7_2), file);
    }

    /** Of the processes with that log: nothing may be left in it in the end. */
    private static Path temporary(Path log) throws IOException {
        return Files.createDirectories(log.resolveSibling(log.getFileName() + "-tmp"));
    }

    private static Process godwit(QmpAddress qmp, Path log, String... more) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.io.tmpdir=" + temporary(log),
                "-cp",
                System.getProperty("java.class.path"),
                "dev.godwit.cli.Godwit",
                "restore",
                file.toString(),
                "--qmp=" + qmp));
        command.addAll(List.of(more));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    @ParameterizedTest(name = "{0}, killed {1} times, second connection: {2}, seed {3}")
    @CsvSource({"QEMU_10_0, 20, false, 7", "QEMU_10_0, 5, true, 2", "QEMU_7_2, 10, false, 8"})
    void a_guest_survives_that_godwit_is_killed_again_and_again(
            QemuVersion version, int kills, boolean preempt, long seed) throws Exception {
        Random random = new Random(seed);
        Path log = folder.resolve("log" + seed);
        List<String> options = new ArrayList<>(preempt ? List.of("--preempt") : List.of());
        options.add("--max-bandwidth=2M"); // so that there is something left to send at the last kill
        try (QemuProcess destination = PC.on(version).incoming("defer").start()) {
            Checks.Settings before = Checks.Settings.of(destination);
            Process godwit;
            try (QmpClient monitor = destination.connectQmp();
                    EventQueue events = monitor.events()) {
                godwit = godwit(destination.qmpAddress(), log, options.toArray(String[]::new));
                events.await(SOON, "RESUME");
            }
            options.add("--resume");
            for (int kill = 0; kill < kills; kill++) {
                int afterMs = random.nextInt(1500);
                boolean over = godwit.waitFor(afterMs, TimeUnit.MILLISECONDS);
                System.out.printf("%s kill %d after %d ms, over: %s%n", version, kill, afterMs, over);
                assumeQemuHasNotCrashed(version, destination);
                assertThat(over).as(Files.readString(log)).isFalse();
                godwit.destroyForcibly().waitFor();
                godwit = godwit(destination.qmpAddress(), log, options.toArray(String[]::new));
            }
            godwit.destroyForcibly().waitFor();
            Process last = godwit(
                    destination.qmpAddress(),
                    log,
                    preempt ? new String[] {"--resume", "--preempt"} : new String[] {"--resume"});
            assertThat(last.waitFor(120, TimeUnit.SECONDS))
                    .as(Files.readString(log))
                    .isTrue();
            assumeQemuHasNotCrashed(version, destination);
            assertThat(last.exitValue()).as(Files.readString(log)).isZero();
            Checks.Settings after = Checks.Settings.of(destination);
            assertThat(after.capabilities()).isEqualTo(before.capabilities());
            assertThat(after.parameters()).isEqualTo(before.parameters());
            assertThat(temporary(log)).isEmptyDirectory();
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    /** QEMU 7.2 sometimes dies of a null pointer of its own when a postcopy loses its source; 10.0 does not. */
    private static void assumeQemuHasNotCrashed(QemuVersion version, QemuProcess qemu) throws Exception {
        if (version == QemuVersion.QEMU_7_2 && !qemu.isAlive()) {
            assumeThat(qemu.awaitExit(SOON.toMillis()))
                    .as("QEMU 7.2 crashed when it lost its source")
                    .isNotEqualTo(128 + SIGSEGV);
        }
    }

    /** Before it has, a QEMU that loses its source ends. */
    private static boolean hasStarted(EventQueue events) {
        return events.poll(event -> event.name().equals("RESUME")).isPresent();
    }

    /** Has the destination drop its connections whenever so much has been sent. */
    private static final class Cutting implements Progress {
        private final QmpClient monitor;
        private final EventQueue events;
        private final long everyBytes;
        private final int most;
        private boolean runs;
        private int cuts;
        private long sentBytes;

        Cutting(QmpClient monitor, long everyBytes, int most) {
            this.monitor = monitor;
            this.events = monitor.events();
            this.everyBytes = everyBytes;
            this.most = most;
        }

        @Override
        public void phase(String name, long totalBytes) {}

        @Override
        public synchronized void advance(long bytes) {
            runs = runs || hasStarted(events);
            sentBytes += bytes;
            if (runs && sentBytes > everyBytes && cuts < most) {
                sentBytes = 0;
                cuts++;
                try {
                    monitor.executeOutOfBand("migrate-pause", JsonObject.empty(), SOON);
                } catch (QmpException e) {
                    cuts--; // it is on its way from one connection to the next
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    @ParameterizedTest(name = "{0}, {1} times, second connection: {2}")
    @CsvSource({"QEMU_10_0, 100, false", "QEMU_10_0, 20, true", "QEMU_7_2, 20, false"})
    void cut_connections_are_made_anew(QemuVersion version, int cuts, boolean preempt) throws Exception {
        try (QemuProcess destination = PC.on(version).incoming("defer").start();
                QmpClient monitor = destination.connectQmp()) {
            LazyRestoreOptions options = LazyRestoreTest.into(destination, file);
            Cutting cutting = new Cutting(monitor, (60L << 20) / cuts, cuts);
            try (LazyRestore restore = new LazyRestore(preempt ? options.preempting() : options, cutting)) {
                LazyRestoreResult result = restore.run();
                // one that comes between the two connections of a recovery is mended by two more
                assertThat(result.pages().reconnects()).isBetween((long) cuts, 2L * cuts);
            }
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    @Test
    void a_damaged_page_is_not_sent_and_the_guest_goes_on_from_a_good_copy() throws Exception {
        Path damaged = Files.copy(file, folder.resolve("damaged"));
        long page = damage(damaged);
        try (QemuProcess destination = PC.incoming("defer").start()) {
            LazyRestoreOptions options =
                    LazyRestoreTest.into(destination, damaged).withMaxBandwidth(SLOW);
            MigrationException e =
                    catchThrowableOfType(MigrationException.class, () -> LazyRestoreTest.restore(options));
            assertThat(e)
                    .hasMessageContaining("page 0x" + Long.toHexString(page))
                    .hasMessageContaining("--resume");
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_DESTINATION);
            LazyRestoreResult result = LazyRestoreTest.restore(
                    LazyRestoreTest.into(destination, file).resuming());
            assertThat(result.untilRun()).isEmpty();
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    /** Changes a byte of a page in the middle; returns its offset in the block. */
    static long damage(Path snapshot) throws IOException {
        long page;
        long position;
        try (Snapshot opened = Snapshot.open(snapshot)) {
            int block = opened.layout().indexOf("pc.ram");
            page = opened.present(block).nextSet(opened.layout().block(block).pages() / 2);
            position = opened.head().layout().blocks().get(block).header().pagesOffsetBytes() + page * 4096 + 7;
        }
        try (FileChannel channel = FileChannel.open(snapshot, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, position);
            channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 0x10)}), position);
        }
        return page * 4096;
    }

    @Test
    void a_cancelled_restore_leaves_the_guest_waiting_and_goes_on_at_an_address_by_hand() throws Exception {
        try (QemuProcess destination = PC.incoming("defer").start();
                QmpClient monitor = destination.connectQmp();
                EventQueue events = monitor.events()) {
            LazyRestoreOptions options = LazyRestoreTest.into(destination, file).withMaxBandwidth(SLOW);
            MigrationException e =
                    catchThrowableOfType(MigrationException.class, () -> runAndCloseOnTheWay(options, events));
            assertThat(e).hasMessageContaining("cancelled").hasMessageContaining("--resume");
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_DESTINATION);

            String uri = "unix:" + folder.resolve("again");
            recoverByHand(monitor, uri);
            LazyRestoreTest.restore(
                    new LazyRestoreOptions(file, new Destination.Listening(MigrationUri.parse(uri))).resuming());
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    private static void runAndCloseOnTheWay(LazyRestoreOptions options, EventQueue events) throws IOException {
        List<LazyRestore> running = new ArrayList<>();
        Progress closing = new Progress() {
            @Override
            public void phase(String name, long totalBytes) {}

            @Override
            public void advance(long bytes) {
                if (hasStarted(events)) {
                    try {
                        running.getFirst().close();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            }
        };
        try (LazyRestore restore = new LazyRestore(options, closing)) {
            running.add(restore);
            restore.run();
        }
    }

    /** QEMU may need a moment to notice that its source is gone. */
    private static void recoverByHand(QmpClient monitor, String uri) throws IOException {
        long deadlineNs = System.nanoTime() + SOON.toNanos();
        while (true) {
            try {
                monitor.executeOutOfBand("migrate-recover", JsonObject.of("uri", uri), SOON);
                return;
            } catch (QmpException e) {
                if (System.nanoTime() > deadlineNs) {
                    throw e;
                }
            }
        }
    }

    @Test
    void a_guest_for_another_machine_is_refused_before_anything_is_sent() throws Exception {
        try (QemuProcess q35 = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "q35")
                        .incoming("defer")
                        .start();
                QemuProcess large = PC.memoryMib(256).incoming("defer").start()) {
            assertRefused(q35, "the guest is a pc-i440fx-7.2, and that QEMU a pc-q35-10.0");
            assertRefused(large, "RAM block 'pc.ram' has 134217728 bytes in the snapshot and 268435456");
        }
    }

    @Test
    void a_guest_that_is_not_there_is_not_resumed() throws Exception {
        try (QemuProcess fresh = PC.incoming("defer").start()) {
            assertRefused(LazyRestoreTest.into(fresh, file).resuming(), fresh, "no guest that waits for its source");
        }
    }

    @Test
    void a_second_connection_whose_break_would_crash_an_old_qemu_is_refused() throws Exception {
        try (QemuProcess old = PC.on(QemuVersion.QEMU_7_2).incoming("defer").start()) {
            assertRefused(LazyRestoreTest.into(old, file).preempting(), old, "leave out --preempt");
        }
    }

    private static void assertRefused(QemuProcess destination, String why) throws IOException {
        assertRefused(LazyRestoreTest.into(destination, file), destination, why);
    }

    private static void assertRefused(LazyRestoreOptions options, QemuProcess destination, String why)
            throws IOException {
        Checks.Settings before = Checks.Settings.of(destination);
        MigrationException e = catchThrowableOfType(MigrationException.class, () -> LazyRestoreTest.restore(options));
        assertThat(e).hasMessageContaining(why).hasMessageContaining("still in the snapshot");
        assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        assertThat(Checks.Settings.of(destination)).isEqualTo(before);
    }

    @Test
    void a_destination_that_ends_before_the_guest_runs_leaves_it_in_the_snapshot() throws Exception {
        try (QemuProcess destination = PC.incoming("defer").start()) {
            Progress killing = new Progress() {
                @Override
                public void phase(String name, long totalBytes) {}

                @Override
                public void advance(long bytes) {
                    destination.kill();
                }
            };
            MigrationException e = catchThrowableOfType(MigrationException.class, () -> {
                try (LazyRestore restore = new LazyRestore(LazyRestoreTest.into(destination, file), killing)) {
                    restore.run();
                }
            });
            assertThat(e).hasMessageContaining("the snapshot").hasMessageContaining("QEMU has ended");
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        }
        Checks.assertWhole(file);
    }
}
