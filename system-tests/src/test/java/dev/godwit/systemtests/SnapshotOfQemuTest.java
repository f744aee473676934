package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.qmp.RunState;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Snapshots of real QEMUs in every mode, and the guests that come back from them and check themselves. */
class SnapshotOfQemuTest {

    private static final int MEMORY_MIB = 128;

    @TempDir
    private Path folder = Path.of("");

    static QemuLaunch launch(QemuVersion version, String machine) {
        return QemuLaunch.of(version, machine).memoryMib(MEMORY_MIB).guest(new Guest(32, 4, 2000, 1));
    }

    static TakeSnapshotResult take(QemuProcess qemu, Path file, SnapshotMode mode, AfterSnapshot after)
            throws IOException {
        try (TakeSnapshot snapshot =
                new TakeSnapshot(new TakeSnapshotOptions(file, qemu.qmpAddress(), mode, after, 0), Progress.NONE)) {
            return snapshot.run();
        }
    }

    @ParameterizedTest(name = "{0} {1} with {2} MiB of known content, seed 1")
    @CsvSource({
        "QEMU_10_0, pc, 32",
        "QEMU_10_0, q35, 320",
        "QEMU_10_0, microvm, 32",
        "QEMU_7_2, pc-i440fx-7.2, 320",
        "QEMU_7_2, pc-q35-7.2, 32"
    })
    void a_guest_runs_on_after_a_snapshot_of_each_mode_and_comes_back_from_it(
            QemuVersion version, String machine, int fixedMib) throws Exception {
        QemuLaunch launch =
                launch(version, machine).memoryMib(MEMORY_MIB - 32 + fixedMib).guest(new Guest(fixedMib, 4, 2000, 1));
        try (QemuProcess source = launch.start()) {
            String checksum = Guest.awaitReady(source);
            for (SnapshotMode mode : SnapshotMode.values()) {
                Path file = folder.resolve(mode.optionName());
                Checks.Settings before = Checks.Settings.of(source);
                TakeSnapshotResult result = take(source, file, mode, AfterSnapshot.RESUME);
                assertThat(Checks.Settings.of(source)).isEqualTo(before);
                assertThat(result.guestPause())
                        .hasValueSatisfying(
                                pause -> assertThat(pause).isPositive().isLessThan(result.total()));
                Checks.assertWhole(file);
            }
            Checks.assertGuestGoesOn(source, checksum);
            comesBackThroughQmp(launch, folder.resolve("background"), checksum);
            comesBackIntoListening(launch, folder.resolve("live"), checksum);
            comesBackByIncomingFile(launch.on(QemuVersion.QEMU_10_0), folder.resolve("stop"), checksum);
        }
    }

    private static void comesBackThroughQmp(QemuLaunch launch, Path file, String checksum) throws Exception {
        try (QemuProcess destination = launch.incoming("defer").start()) {
            Checks.Settings before = Checks.Settings.of(destination);
            assertThat(Checks.restore(file, new Destination.Deferred(destination.qmpAddress()))
                            .runState())
                    .contains("running");
            Checks.Settings after = Checks.Settings.of(destination);
            assertThat(after.capabilities()).isEqualTo(before.capabilities());
            assertThat(after.parameters()).isEqualTo(before.parameters());
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    private void comesBackIntoListening(QemuLaunch launch, Path file, String checksum) throws Exception {
        String uri = launch.machine().contains("q35") ? "unix:" + folder.resolve("in") : "tcp:127.0.0.1:" + freePort();
        try (QemuProcess destination = launch.incoming(uri).start()) {
            assertThat(Checks.restore(file, new Destination.Listening(MigrationUri.parse(uri)))
                            .runState())
                    .isEmpty();
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Stock QEMU alone: nothing of Godwit runs here. */
    private static void comesBackByIncomingFile(QemuLaunch launch, Path file, String checksum) throws Exception {
        try (QemuProcess destination = launch.incoming("defer").start()) {
            destination.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("mapped-ram", true));
                monitor.migrateIncoming("file:" + file);
                return true;
            });
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    @Test
    void a_paused_guest_stays_paused_comes_back_paused_and_its_snapshot_is_what_pmemsave_writes() throws Exception {
        QemuLaunch launch = launch(QemuVersion.QEMU_10_0, "pc");
        Path file = folder.resolve("snapshot");
        try (QemuProcess source = launch.start();
                QemuProcess destination = launch.incoming("defer").start()) {
            String checksum = Guest.awaitReady(source);
            stop(source);
            Checks.Settings before = Checks.Settings.of(source);
            for (SnapshotMode mode : SnapshotMode.values()) {
                assertThat(take(source, file, mode, AfterSnapshot.RESUME).guestPause())
                        .isEqualTo(Optional.empty());
                assertThat(Checks.Settings.of(source)).as("after %s", mode).isEqualTo(before);
                Checks.assertWhole(file);
                Checks.assertAllRamIsThatOf(source, file, MEMORY_MIB);
            }
            assertThat(before.state()).isEqualTo(new RunState(false, "paused"));
            assertThat(Checks.restore(file, new Destination.Deferred(destination.qmpAddress()))
                            .runState())
                    .contains("paused");
            for (QemuProcess qemu : new QemuProcess[] {source, destination}) {
                resume(qemu);
                Checks.assertGuestGoesOn(qemu, checksum);
            }
        }
    }

    @Test
    void a_guest_that_is_to_stay_is_stopped_where_the_snapshot_is_and_one_that_is_to_quit_ends() throws Exception {
        try (QemuProcess source = launch(QemuVersion.QEMU_10_0, "pc").start()) {
            String checksum = Guest.awaitReady(source);
            Path file = folder.resolve("stay");
            take(source, file, SnapshotMode.LIVE, AfterSnapshot.STAY);
            assertThat(Checks.Settings.of(source).state().running()).isFalse();
            Checks.assertAllRamIsThatOf(source, file, MEMORY_MIB);
            resume(source);
            Checks.assertGuestGoesOn(source, checksum);
            take(source, folder.resolve("quit"), SnapshotMode.STOP, AfterSnapshot.QUIT);
            assertThat(source.awaitExit(20_000)).isZero();
            Checks.assertWhole(folder.resolve("quit"));
        }
    }

    static void stop(QemuProcess qemu) throws IOException {
        qemu.withMonitor(monitor -> {
            monitor.stop();
            return true;
        });
    }

    static void resume(QemuProcess qemu) throws IOException {
        qemu.withMonitor(monitor -> {
            monitor.cont();
            return true;
        });
    }
}
