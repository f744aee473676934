package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.testkit.Await;
import dev.godwit.transport.MigrationUri;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Machines of ours at their control socket, treated like QEMU: snapshots of every mode, and what is restored of them.
 */
@Timeout(300)
class SnapshotOfOurMachineTest {

    private static final WorkloadOptions MACHINE =
            WorkloadOptions.ofRam(16L << 20).withLoad(WorkloadLoad.of(2000, WorkloadPattern.RANDOM));

    @TempDir
    private Path folder;

    @BeforeEach
    void assumePossible() {
        BackgroundSnapshots.assumePossible();
    }

    /** A machine that is run in this process, and can be told things at its control socket. */
    private final class Served implements AutoCloseable {

        final Path socket;
        private final RunMachine machine;
        private final QmpClient qmp;

        Served(String name, RunOptions.Incoming incoming) throws Exception {
            socket = folder.resolve(name + ".qmp");
            CountDownLatch ready = new CountDownLatch(1);
            RunOptions options = new RunOptions(
                    new WorkloadKind(MACHINE),
                    Optional.of(name),
                    Optional.of(new MigrationUri.Unix(socket)),
                    incoming,
                    false,
                    Set.of(),
                    Optional.empty());
            machine = new RunMachine(options, (_, _) -> ready.countDown());
            Thread _ = Thread.ofPlatform().daemon(true).start(() -> {
                try {
                    MachineEnd _ = machine.run();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            ready.await();
            qmp = QmpClient.connect(address());
        }

        QmpAddress address() {
            return new QmpAddress.Unix(socket);
        }

        void assertSound() throws Exception {
            assertThat(qmp.execute("query-status", JsonObject.empty(), Duration.ofMinutes(1))
                            .text("status"))
                    .contains("running");
            assertThat(qmp.execute("x-godwit-verify", JsonObject.empty(), Duration.ofMinutes(1))
                            .truth("sound"))
                    .contains(true);
        }

        @Override
        public void close() throws IOException {
            qmp.close();
            machine.close();
        }
    }

    @ParameterizedTest
    @EnumSource(SnapshotMode.class)
    void a_snapshot_is_taken_and_restored_as_with_qemu(SnapshotMode mode) throws Exception {
        Path file = folder.resolve("machine.gw");
        TakeSnapshotResult result;
        try (Served source = new Served("source", new RunOptions.Incoming.None());
                TakeSnapshot snapshot = new TakeSnapshot(
                        new TakeSnapshotOptions(file, source.address(), mode, AfterSnapshot.RESUME, 0),
                        Progress.NONE)) {
            result = snapshot.run();
            source.assertSound();
        }
        BackgroundSnapshots.assertConsistent(file, MACHINE);
        assertThat(result.guestPause()).isPresent();
        assertThat(result.writeFaults().isPresent()).isEqualTo(mode == SnapshotMode.BACKGROUND);
        try (Served destination = new Served("destination", new RunOptions.Incoming.Deferred());
                Restore restore = new Restore(
                        new RestoreOptions(file, new RestoreOptions.Destination.Deferred(destination.address()), 0),
                        Progress.NONE)) {
            var _ = restore.run();
            destination.assertSound();
        }
    }

    @Test
    void its_vcpus_are_told_with_the_threads_that_run_them() throws Exception {
        try (Served machine = new Served("machine", new RunOptions.Incoming.None())) {
            machine.assertSound();
            List<JsonValue> cpus =
                    machine.qmp.execute("query-cpus-fast").array("value").orElseThrow();
            assertThat(cpus).hasSize(MACHINE.vcpus());
            for (int index = 0; index < cpus.size(); index++) {
                JsonObject cpu = (JsonObject) cpus.get(index);
                assertThat(cpu.wholeNumber("cpu-index")).hasValue(index);
                assertThat(cpu.text("target")).contains("x86_64");
                assertThat(cpu.text("qom-path")).contains("/machine/vcpu[" + index + "]");
                Path thread = Path.of(
                        "/proc/self/task/" + cpu.wholeNumber("thread-id").orElseThrow() + "/comm");
                assertThat(Files.readString(thread).strip()).isEqualTo("vcpu-" + index);
            }
        }
    }

    @Test
    void a_background_snapshot_streams_into_another_machine() throws Exception {
        try (HostPair pair = new HostPair(folder, MACHINE)) {
            pair.source.setCapabilities(
                    Map.of(MigrationCapability.BACKGROUND_SNAPSHOT, true, MigrationCapability.EVENTS, true));
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().errorDescription()).isEmpty();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.COMPLETED);
            Await.until("the copy", () -> pair.destination.migration().status() == MigrationStatus.COMPLETED);
            assertThat(pair.source.runStatus()).isEqualTo(RunStatus.RUNNING);
            HostPair.assertSound(pair.source, pair.sourceMachine);
            HostPair.assertSound(pair.destination, pair.destinationMachine);
        }
    }

    @Test
    void the_machine_writes_the_file_itself() throws Exception {
        Path file = folder.resolve("own.gw");
        try (HostPair pair = new HostPair(folder, MACHINE)) {
            pair.source.setCapabilities(
                    Map.of(MigrationCapability.BACKGROUND_SNAPSHOT, true, MigrationCapability.MAPPED_RAM, true));
            for (int round = 0; round < 3; round++) {
                pair.source.migrate("file:" + file, false);
                pair.awaitEnd();
                assertThat(pair.source.migration().errorDescription()).isEmpty();
                assertThat(pair.source.migration().writeFaults()).isPresent();
                BackgroundSnapshots.assertConsistent(file, MACHINE);
            }
            HostPair.assertSound(pair.source, pair.sourceMachine);
        }
    }

    @Test
    void what_does_not_go_together_is_refused_in_qemus_words() throws Exception {
        try (HostPair pair = new HostPair(folder, MACHINE)) {
            assertThatThrownBy(() -> pair.source.setCapabilities(Map.of(
                            MigrationCapability.BACKGROUND_SNAPSHOT, true, MigrationCapability.RETURN_PATH, true)))
                    .isInstanceOf(ControlException.class)
                    .hasMessage("Background-snapshot is not compatible with return-path");
            pair.source.setCapabilities(Map.of(MigrationCapability.BACKGROUND_SNAPSHOT, true));
            pair.source.migrate("unix:" + folder.resolve("nobody.sock"), false);
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            HostPair.assertSound(pair.source, pair.sourceMachine);
            assertThat(Files.exists(folder.resolve("nobody.sock"))).isFalse();
        }
    }
}
