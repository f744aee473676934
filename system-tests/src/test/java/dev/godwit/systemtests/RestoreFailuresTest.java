package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Destinations that die or refuse while a guest is restored into them: it is still in its snapshot. */
@Timeout(300)
class RestoreFailuresTest {

    private static final String STILL_THERE = "the guest is still in the snapshot";

    @TempDir
    private static Path folder = Path.of("");

    private static Path file = Path.of("");

    @BeforeAll
    static void take_a_snapshot() throws Exception {
        file = folder.resolve("snapshot");
        try (QemuProcess source =
                SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc").start()) {
            Guest.awaitReady(source);
            SnapshotOfQemuTest.take(source, file, SnapshotMode.STOP, AfterSnapshot.RESUME);
        }
    }

    @AfterAll
    static void the_snapshot_is_untouched() throws Exception {
        Checks.assertWhole(file);
    }

    private static QemuProcess destination(String machine, String incoming) throws IOException {
        return SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, machine)
                .incoming(incoming)
                .start();
    }

    /** Kills a QEMU once, at a point of its restore. */
    private static final class Killing implements Progress {
        private final QemuProcess qemu;
        private final String when;
        private boolean done;
        private long totalBytes;
        private long doneBytes;

        Killing(QemuProcess qemu, String when) {
            this.qemu = qemu;
            this.when = when;
        }

        @Override
        public void phase(String name, long phaseBytes) {
            totalBytes = phaseBytes;
            doneBytes = 0;
            if (name.equals(when)) {
                kill();
            }
        }

        @Override
        public void advance(long bytes) {
            doneBytes += bytes;
            if (when.equals("half of RAM") && doneBytes > totalBytes / 2) {
                kill();
            }
        }

        private void kill() {
            if (!done) {
                qemu.kill();
                done = true;
            }
        }
    }

    @ParameterizedTest(name = "through its control socket {0}, killed at: {1}")
    @CsvSource({
        "true, sending RAM",
        "true, half of RAM",
        "true, waiting for the destination",
        "false, sending RAM",
        "false, half of RAM"
    })
    void a_destination_that_is_killed_leaves_the_guest_in_its_snapshot(boolean deferred, String when) throws Exception {
        Path socket = folder.resolve("in");
        try (QemuProcess destination = destination("pc", deferred ? "defer" : "unix:" + socket)) {
            Destination into = deferred
                    ? new Destination.Deferred(destination.qmpAddress())
                    : new Destination.Listening(new MigrationUri.Unix(socket));
            Killing killing = new Killing(destination, when);
            try (Restore restore = new Restore(new RestoreOptions(file, into, 0), killing)) {
                MigrationException e = catchThrowableOfType(MigrationException.class, restore::run);
                assertThat(killing.done).isTrue();
                assertThat(e).hasMessageContaining(STILL_THERE);
                assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
            }
        }
        Files.deleteIfExists(socket);
    }

    @Test
    void the_program_ends_with_status_1_when_the_destination_is_killed_as_soon_as_it_listens() throws Exception {
        try (QemuProcess destination = destination("pc", "defer")) {
            Path log = destination.folder().resolve("godwit.log");
            Process godwit = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            "dev.godwit.cli.Godwit",
                            "restore",
                            file.toString(),
                            "--eager",
                            "--max-bandwidth=1M",
                            "--qmp=" + destination.qmpAddress())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            try {
                awaitIncoming(destination, godwit, log);
                destination.kill();
                assertThat(godwit.waitFor(120, TimeUnit.SECONDS)).isTrue();
                assertThat(log).content().contains(STILL_THERE, "GUEST_AT_SOURCE", "QEMU has ended");
                assertThat(godwit.exitValue()).isEqualTo(1);
            } finally {
                godwit.destroyForcibly();
            }
        }
    }

    private static void awaitIncoming(QemuProcess destination, Process godwit, Path log) throws IOException {
        destination.withMonitor(monitor -> {
            Await.until("the begin of the restore", () -> {
                if (!godwit.isAlive()) {
                    throw new IOException("godwit ended at once: " + Files.readString(log));
                }
                return !monitor.queryMigrate().status().equals("none");
            });
            return true;
        });
    }

    @Test
    void the_settings_of_a_destination_that_refuses_the_guest_and_survives_are_put_back() throws Exception {
        Path other = folder.resolve("other");
        try (QemuProcess source = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc")
                .with("-device", "virtio-rng-pci")
                .start()) {
            SnapshotOfQemuTest.take(source, other, SnapshotMode.STOP, AfterSnapshot.RESUME);
        }
        try (QemuProcess destination = destination("pc", "defer")) {
            destination.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("xbzrle", true));
                return true;
            });
            Checks.Settings before = Checks.Settings.of(destination);
            MigrationException e = catchThrowableOfType(
                    MigrationException.class,
                    () -> Checks.restore(other, new Destination.Deferred(destination.qmpAddress())));
            assertThat(e).hasMessageContaining("QEMU says").hasMessageContaining(STILL_THERE);
            assertThat(Checks.Settings.of(destination)).isEqualTo(before);
        }
    }

    @Test
    void another_machine_is_refused_before_anything_is_sent() throws Exception {
        try (QemuProcess destination = destination("q35", "defer")) {
            Checks.Settings before = Checks.Settings.of(destination);
            MigrationException e = catchThrowableOfType(
                    MigrationException.class,
                    () -> Checks.restore(file, new Destination.Deferred(destination.qmpAddress())));
            assertThat(e).hasMessageContaining("that QEMU a pc-q35").hasMessageContaining(STILL_THERE);
            assertThat(Checks.Settings.of(destination)).isEqualTo(before);
        }
    }

    @Test
    void a_source_that_cannot_reach_our_socket_has_its_settings_put_back_and_says_why() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
        try (QemuProcess source = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc")
                .with("-run-with", "chroot=" + elsewhere)
                .start()) {
            Guest.awaitReady(source);
            Checks.Settings before = Checks.Settings.of(source);
            for (SnapshotMode mode : SnapshotMode.values()) {
                Path target = folder.resolve("none");
                TakeSnapshotOptions options =
                        new TakeSnapshotOptions(target, source.qmpAddress(), mode, AfterSnapshot.RESUME, 0);
                try (TakeSnapshot snapshot = new TakeSnapshot(options, Progress.NONE)) {
                    MigrationException e = catchThrowableOfType(MigrationException.class, snapshot::run);
                    assertThat(e).as("mode %s", mode).hasMessageContaining("No such file or directory");
                    assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
                }
                assertThat(Checks.Settings.of(source)).as("mode %s", mode).isEqualTo(before);
                assertThat(target).doesNotExist();
            }
            Guest.awaitVerified(source);
        }
    }
}
