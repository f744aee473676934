package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.MappedArguments;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.testkit.Peers;
import dev.godwit.testkit.QemuVersion;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Godwit run by root, and a QEMU that runs as nobody: it has to reach a socket that nobody else may. */
class QemuOfAnotherUserTest {

    private static final String NOBODY = "65534";

    @TempDir
    private Path folder = Path.of("");

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void end() throws Exception {
        for (Process process : processes) {
            process.destroy();
            process.waitFor(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void root_takes_a_snapshot_of_a_qemu_of_nobody_and_restores_into_one() throws Exception {
        Path qemu = Peers.qemu(QemuVersion.QEMU_10_0);
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        assumeTrue(
                asNobody("test", "-x", qemu.toString()).waitFor() == 0, "skipped, for want of a QEMU nobody can run");
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));

        Path file = folder.resolve("vm.gw");
        QmpAddress source = start(qemu, "source.sock");
        for (SnapshotMode mode : List.of(SnapshotMode.LIVE, SnapshotMode.STOP)) {
            try (TakeSnapshot snapshot = new TakeSnapshot(
                    new TakeSnapshotOptions(file, source, mode, AfterSnapshot.RESUME, 0), Progress.NONE)) {
                assertThat(snapshot.run().guestPause()).isPresent();
            }
            assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
        }
        backgroundWorksOrIsRefusedWithTheRemedy(file, source);
        QmpAddress destination = start(qemu, "destination.sock", "-incoming", "defer");
        try (Restore restore = new Restore(
                new RestoreOptions(file, new RestoreOptions.Destination.Deferred(destination), 0), Progress.NONE)) {
            assertThat(restore.run().runState()).contains("running");
        }
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        QmpAddress mapping = start(qemu, "mapping.sock", mappedArguments(file));
        try (Restore restore = new Restore(
                RestoreOptions.mapped(file, new RestoreOptions.Destination.Deferred(mapping), false), Progress.NONE)) {
            assertThat(restore.run().runState()).contains("running");
        }
    }

    private static String[] mappedArguments(Path file) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file)) {
            return MappedArguments.of(snapshot).options().toArray(String[]::new);
        }
    }

    /** Whether nobody may use userfaultfd is a setting of the host. */
    private static void backgroundWorksOrIsRefusedWithTheRemedy(Path file, QmpAddress source) throws Exception {
        TakeSnapshotOptions options =
                new TakeSnapshotOptions(file, source, SnapshotMode.BACKGROUND, AfterSnapshot.RESUME, 0);
        try (TakeSnapshot snapshot = new TakeSnapshot(options, Progress.NONE)) {
            snapshot.run();
        } catch (MigrationException e) {
            assertThat(e).hasMessageContaining("vm.unprivileged_userfaultfd=1").hasMessageContaining("mode live");
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        }
        assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
    }

    /** A machine without a guest: its firmware runs. QEMU opens its sockets before it says anything to its monitor. */
    private QmpAddress start(Path qemu, String socket, String... more) throws Exception {
        Path path = folder.resolve(socket);
        List<String> command = new ArrayList<>(List.of(qemu.toString(), "-machine", "pc", "-accel", "tcg", "-m", "64"));
        command.addAll(List.of("-nodefaults", "-display", "none", "-monitor", "stdio"));
        command.addAll(List.of("-qmp", "unix:" + path + ",server=on,wait=off"));
        command.addAll(Arrays.asList(more));
        Process process = asNobody(command.toArray(String[]::new));
        BufferedReader monitor =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        assertThat(monitor.readLine()).as("QEMU's greeting on its monitor").contains("QEMU");
        return new QmpAddress.Unix(path);
    }

    private Process asNobody(String... command) throws Exception {
        List<String> whole =
                new ArrayList<>(List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
        whole.addAll(Arrays.asList(command));
        Process process = new ProcessBuilder(whole).redirectErrorStream(true).start();
        processes.add(process);
        return process;
    }
}
