package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.migration.MachineEvent.Resumed;
import dev.godwit.engine.migration.MachineEvent.StatusChanged;
import dev.godwit.engine.migration.MachineEvent.Stopped;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.operations.machine.BackgroundSnapshots.Running;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Snapshots of workload machines that write as fast as they can, into files; each page is verified. */
@Timeout(300)
class BackgroundSnapshotTest {

    private static final long RAM_BYTES = 16L << 20;
    private static final long SMALL_RAM_BYTES = 4L << 20;

    @TempDir
    private Path folder;

    @BeforeEach
    void assumePossible() {
        BackgroundSnapshots.assumePossible();
    }

    private static WorkloadOptions machine(long seed) {
        return WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2).withSeed(seed);
    }

    private Path file() {
        return folder.resolve("machine.gw");
    }

    @Test
    void the_file_is_the_memory_at_the_instant_and_the_guest_runs_on() throws Exception {
        try (Running running = Running.start(machine(1))) {
            BackgroundSnapshot snapshot = running.snapshot(BackgroundSnapshots.toFile(running.machine(), file(), 2));
            snapshot.run();
            running.assertSound();
            assertThat(running.events().subList(1, 6))
                    .containsExactly(
                            new StatusChanged(MigrationStatus.SETUP),
                            new StatusChanged(MigrationStatus.ACTIVE),
                            new Stopped(),
                            new Resumed(),
                            new StatusChanged(MigrationStatus.COMPLETED));
            assertThat(snapshot.report().writeFaults().orElseThrow().faults()).isPositive();
            assertThat(snapshot.report().ram().orElseThrow().remainingBytes()).isZero();
        }
        BackgroundSnapshots.assertConsistent(file(), machine(1));
    }

    @ParameterizedTest
    @CsvSource({
        "ANONYMOUS, RANDOM, 1, 100",
        "ANONYMOUS, SEQUENTIAL, 2, 60",
        "MEMFD, RANDOM, 3, 60",
        "HUGETLB_2M, RANDOM, 4, 20"
    })
    void snapshots_at_random_moments_are_each_of_one_instant(
            RamBacking backing, WorkloadPattern pattern, long seed, int rounds) throws Exception {
        Random random = new Random(seed);
        HugePool.assumeEnough(backing, 2 * (SMALL_RAM_BYTES + (4 << 20)));
        WorkloadOptions options = WorkloadOptions.ofRam(SMALL_RAM_BYTES)
                .withVcpus(3)
                .withSeed(seed)
                .withRam(RamOptions.of(backing))
                .withLoad(WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, pattern));
        try (Running running = Running.start(options)) {
            for (int round = 0; round < rounds; round++) {
                long written = running.machine().statistics().writtenPages() + random.nextInt(5000);
                Await.until("writes", () -> running.machine().statistics().writtenPages() >= written);
                running.snapshot(BackgroundSnapshots.toFile(running.machine(), file(), 1 + random.nextInt(3)))
                        .run();
                BackgroundSnapshots.assertConsistent(file(), options);
            }
            running.assertSound();
        }
    }

    @Test
    void a_cancelled_snapshot_leaves_the_guest_running_and_no_file() throws Exception {
        Random random = new Random(7);
        try (Running running = Running.start(machine(7))) {
            for (int round = 0; round < 30; round++) {
                BackgroundSnapshot snapshot =
                        running.snapshot(BackgroundSnapshots.toFile(running.machine(), file(), 2));
                Thread cancelling = Thread.ofPlatform().start(() -> {
                    Await.until("its begin", () -> snapshot.status() != MigrationStatus.NONE);
                    long untilNs = System.nanoTime() + random.nextInt(20_000_000);
                    while (System.nanoTime() - untilNs < 0) {
                        Thread.onSpinWait();
                    }
                    snapshot.cancel();
                });
                boolean whole = true;
                try {
                    snapshot.run();
                } catch (dev.godwit.engine.MigrationException e) {
                    whole = false;
                    assertThat(e).hasMessage("the snapshot was cancelled");
                    assertThat(snapshot.status()).isEqualTo(MigrationStatus.CANCELLED);
                }
                cancelling.join();
                try (Stream<Path> files = Files.list(folder)) {
                    assertThat(files).hasSize(whole ? 1 : 0);
                }
                Files.deleteIfExists(file());
                running.assertSound();
            }
        }
    }

    @Test
    void a_disk_that_becomes_full_leaves_the_guest_running_and_no_half_file() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        Random random = new Random(9);
        Path disk = Files.createDirectory(folder.resolve("disk"));
        try (Running running = Running.start(machine(9))) {
            for (int round = 0; round < 5; round++) {
                int kilobytes = 64 + random.nextInt(12 << 10);
                assumeTrue(
                        run("mount", "-t", "tmpfs", "-o", "size=" + kilobytes + "k", "tmpfs", disk.toString()) == 0,
                        "skipped, for want of the right to mount a tmpfs");
                try {
                    BackgroundSnapshot snapshot = running.snapshot(
                            BackgroundSnapshots.toFile(running.machine(), disk.resolve("machine.gw"), 2));
                    assertThatThrownBy(snapshot::run).hasMessageContaining("is full");
                    assertThat(snapshot.status()).isEqualTo(MigrationStatus.FAILED);
                    try (Stream<Path> files = Files.list(disk)) {
                        assertThat(files).isEmpty();
                    }
                } finally {
                    assertThat(run("umount", disk.toString())).isZero();
                }
                running.assertSound();
            }
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    @Test
    void a_snapshot_that_cannot_be_written_leaves_the_guest_running() throws Exception {
        try (Running running = Running.start(machine(8))) {
            BackgroundSnapshot snapshot = running.snapshot(
                    BackgroundSnapshots.toFile(running.machine(), folder.resolve("missing/machine.gw"), 1));
            assertThatThrownBy(snapshot::run).hasMessageContaining("missing");
            assertThat(snapshot.status()).isEqualTo(MigrationStatus.FAILED);
            running.assertSound();
        }
    }
}
