package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.linux.Kvm;
import dev.godwit.testkit.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Background snapshots of a real guest that come to nothing: it runs on, and finds its memory right. */
@Timeout(900)
class KvmBackgroundSnapshotTest {

    private static final long RAM_BYTES = 8L << 20;

    /** Built and described there; see its README. */
    private static final Path MEMORY_GUEST = Path.of("..", "kvm", "src", "test", "resources", "memory-guest.bin");

    @TempDir
    private Path folder;

    private final SerialLines lines = new SerialLines();
    private Optional<Machine> made = Optional.empty();

    @BeforeEach
    void assumePossible() {
        assumeThat(Kvm.probe())
                .as("there is no KVM here for this user: no snapshots of KVM's machine")
                .isInstanceOf(Kvm.Support.Available.class);
        Optional<String> missing = UserfaultfdWriteTracking.missing(true);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
    }

    @AfterEach
    void end() throws Exception {
        if (made.isPresent()) {
            made.get().close();
        }
    }

    private Machine machine(int seed) throws Exception {
        KvmMachineOptions options = KvmMachineOptions.of(new Boot.Flat(MEMORY_GUEST, "pages=64 report=4 seed=" + seed))
                .withVcpus(2)
                .withSerialOutput(lines);
        Machine machine = new KvmKind(options, RAM_BYTES, RamOptions.of(RamBacking.ANONYMOUS))
                .make(false)
                .machine();
        made = Optional.of(machine);
        return machine;
    }

    private MachineRun running(Machine machine) throws Exception {
        MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, _ -> {});
        run.cont();
        awaitSound();
        return run;
    }

    private static BackgroundSnapshot snapshot(
            Machine machine, MachineRun run, BackgroundSnapshot.Connector connector) {
        return new BackgroundSnapshot(machine, run, UserfaultfdWriteTracking::start, connector, _ -> {});
    }

    /** Each vCPU has compared its memory from now on. */
    private void awaitSound() throws InterruptedException {
        lines.forget();
        lines.await("OK vcpu 0");
        lines.await("OK vcpu 1");
    }

    private static void assertNothingIn(Path folder) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void a_cancelled_snapshot_lets_the_guest_go_on_even_while_its_disk_hangs() throws Exception {
        Machine machine = machine(11);
        MachineRun run = running(machine);
        SnapshotOutput file = BackgroundSnapshots.output(machine, folder.resolve("guest.gw"), 2);
        try (HangingOutput hanging = new HangingOutput(file, 2)) {
            BackgroundSnapshot snapshot = snapshot(machine, run, () -> hanging);
            FutureTask<Void> taking = new FutureTask<>(() -> {
                snapshot.run();
                return null;
            });
            Thread.ofPlatform().start(taking);
            hanging.awaitHanging();
            assertThat(run.status()).isEqualTo(RunStatus.RUNNING);
            Thread cancelling = Thread.ofPlatform().start(snapshot::cancel);
            awaitSound(); // nobody has let the disk go on
            hanging.goOn();
            cancelling.join();
            assertThatThrownBy(taking::get)
                    .hasCauseInstanceOf(MigrationException.class)
                    .hasMessageContaining("the snapshot was cancelled");
            assertThat(snapshot.status()).isEqualTo(MigrationStatus.CANCELLED);
        }
        assertNothingIn(folder);
        awaitSound();
    }

    @Test
    void cancelled_at_any_moment_there_is_a_whole_file_or_none_seed_12() throws Exception {
        Random random = new Random(12);
        Machine machine = machine(12);
        MachineRun run = running(machine);
        Path file = folder.resolve("guest.gw");
        for (int round = 0; round < 12; round++) {
            BackgroundSnapshot snapshot = snapshot(machine, run, BackgroundSnapshots.toFile(machine, file, 2));
            long afterNs = random.nextInt(15_000_000);
            Thread cancelling = Thread.ofPlatform().start(() -> {
                Await.until("its begin", () -> snapshot.status() != MigrationStatus.NONE);
                long sinceNs = System.nanoTime();
                Await.until("the moment", () -> System.nanoTime() - sinceNs >= afterNs);
                snapshot.cancel();
            });
            boolean whole = true;
            try {
                snapshot.run();
            } catch (MigrationException e) {
                whole = false;
                assertThat(e).hasMessage("the snapshot was cancelled");
            }
            cancelling.join();
            assertThat(Files.exists(file)).isEqualTo(whole);
            Files.deleteIfExists(file);
            assertNothingIn(folder);
            assertThat(run.status()).isEqualTo(RunStatus.RUNNING);
            awaitSound();
        }
    }

    @Test
    void a_disk_that_becomes_full_leaves_the_guest_running_and_no_half_file_seed_13() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        Random random = new Random(13);
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Machine machine = machine(13);
        MachineRun run = running(machine);
        for (int round = 0; round < 4; round++) {
            int kilobytes = 32 + random.nextInt(256);
            assumeTrue(
                    run("mount", "-t", "tmpfs", "-o", "size=" + kilobytes + "k", "tmpfs", disk.toString()) == 0,
                    "skipped, for want of the right to mount a tmpfs");
            try {
                BackgroundSnapshot snapshot =
                        snapshot(machine, run, BackgroundSnapshots.toFile(machine, disk.resolve("guest.gw"), 2));
                assertThatThrownBy(snapshot::run).hasMessageContaining("is full");
                assertThat(snapshot.status()).isEqualTo(MigrationStatus.FAILED);
                assertNothingIn(disk);
            } finally {
                assertThat(run("umount", disk.toString())).isZero();
            }
            assertThat(run.status()).isEqualTo(RunStatus.RUNNING);
            awaitSound();
        }
    }

    private static int run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }
}
