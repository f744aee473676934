package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.Receive;
import dev.godwit.operations.ReceiveOptions;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk of one MiB, which is full before a guest is on it. */
class FullDiskTest {

    @TempDir
    private Path folder = Path.of("");

    private Path disk = Path.of("");
    private boolean mounted;

    @BeforeEach
    void mount() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        disk = Files.createDirectory(folder.resolve("disk"));
        mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.toString()) == 0;
        assumeTrue(mounted, "skipped, for want of the right to mount a tmpfs");
        Files.writeString(disk.resolve("snapshot"), "an earlier snapshot");
    }

    @AfterEach
    void unmount() throws Exception {
        if (mounted) {
            assertThat(run("umount", disk.toString())).isZero();
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    @Test
    void a_full_disk_fails_snapshots_and_receptions_and_the_guest_runs_on_with_the_earlier_snapshot_there()
            throws Exception {
        try (QemuProcess source =
                SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc").start()) {
            String checksum = Guest.awaitReady(source);
            Checks.Settings before = Checks.Settings.of(source);
            for (SnapshotMode mode : SnapshotMode.values()) {
                TakeSnapshotOptions options = new TakeSnapshotOptions(
                        disk.resolve("snapshot"), source.qmpAddress(), mode, AfterSnapshot.RESUME, 0);
                try (TakeSnapshot snapshot = new TakeSnapshot(options, Progress.NONE)) {
                    assertThatThrownBy(snapshot::run).satisfies(FullDiskTest::saysSo);
                }
                assertThat(Checks.Settings.of(source)).as("after mode %s", mode).isEqualTo(before);
                assertOnlyTheEarlierOne();
            }
            receiveFails(source);
            assertThat(Checks.awaitEnd(source)).isEqualTo("failed");
            assertOnlyTheEarlierOne();
            Checks.assertGuestGoesOn(source, checksum);
        }
    }

    private void receiveFails(QemuProcess source) throws IOException {
        ReceiveOptions options = new ReceiveOptions(
                disk.resolve("snapshot"), new MigrationUri.Unix(folder.resolve("in")), 0, MultifdMethod.NONE, false);
        try (Receive receive = new Receive(options, Progress.NONE, address -> migrate(source, address))) {
            assertThatThrownBy(receive::run).satisfies(FullDiskTest::saysSo);
        }
    }

    private static void migrate(QemuProcess source, MigrationUri address) {
        try {
            source.withMonitor(monitor -> {
                Map<String, Boolean> capabilities = new LinkedHashMap<>(monitor.migrationCapabilities());
                capabilities.replaceAll((name, _) -> name.equals("return-path"));
                monitor.restoreMigrationCapabilities(capabilities);
                monitor.migrate(address.toString());
                return true;
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void saysSo(Throwable failure) {
        assertThat(failure).isInstanceOf(MigrationException.class).hasMessageContaining("is full");
        assertThat(((MigrationException) failure).guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
    }

    private void assertOnlyTheEarlierOne() throws IOException {
        assertThat(disk.resolve("snapshot")).hasContent("an earlier snapshot");
        try (Stream<Path> files = Files.list(disk)) {
            assertThat(files.map(file -> file.getFileName().toString())).containsExactly("snapshot");
        }
    }
}
