package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.Progress;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.DemandLoad;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.linux.HugePages;
import dev.godwit.operations.machine.LoadOptions.Mode;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.StatedFormat;
import dev.godwit.snapshot.Verification;
import dev.godwit.testkit.Await;
import dev.godwit.workload.PageMaking;
import dev.godwit.workload.WorkloadContent;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines of ours that are saved to a file while they write, and loaded from it; each page is verified. */
@Timeout(300)
class MappedFileTest {

    private static final long RAM_BYTES = 16L << 20;

    @TempDir
    private Path folder;

    private static WorkloadOptions machine() {
        return WorkloadOptions.ofRam(RAM_BYTES)
                .withVcpus(2)
                .withMaking(new PageMaking(WorkloadContent.RANDOM, 30, 4096))
                .withLoad(WorkloadLoad.of(5000, WorkloadPattern.RANDOM));
    }

    private static GuestHost running(WorkloadMachine machine, int channels, boolean directIo) throws ControlException {
        GuestHost host = new GuestHost(machine, Optional.of("source"), false);
        prepare(host, channels, directIo);
        host.setParameters(Map.of(MigrationParameter.MAX_BANDWIDTH, 0L));
        host.cont();
        return host;
    }

    private static GuestHost prepare(GuestHost host, int channels, boolean directIo) throws ControlException {
        Map<MigrationCapability, Boolean> on = new EnumMap<>(MigrationCapability.class);
        on.put(MigrationCapability.EVENTS, true);
        on.put(MigrationCapability.MAPPED_RAM, true);
        on.put(MigrationCapability.MULTIFD, channels > 0);
        host.setCapabilities(on);
        host.setParameters(Map.of(
                MigrationParameter.DIRECT_IO, directIo, MigrationParameter.MULTIFD_CHANNELS, Math.max(1L, channels)));
        return host;
    }

    private static void save(GuestHost source, String uri) throws ControlException {
        source.migrate(uri, false);
        Await.until(
                "the end of the migration", () -> !source.migration().status().isUnderWay());
        assertThat(source.migration().errorDescription()).isEmpty();
        assertThat(source.migration().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(source.runStatus()).isEqualTo(RunStatus.POSTMIGRATE);
    }

    private void saved(WorkloadOptions options, Path file) throws Exception {
        try (WorkloadMachine machine = WorkloadMachine.create(options);
                GuestHost source = running(machine, 0, false)) {
            save(source, "file:" + file);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static LoadOptions from(Path file, Mode mode) {
        return new LoadOptions(file, 0, false, mode, 2, false, Optional.empty());
    }

    @ParameterizedTest(name = "channels {0}, direct I/O {1}, offset {2}, {3}")
    @CsvSource({"0,false,0,qemu", "2,false,0,xen", "4,true,0,brief", "1,true,65536,qemu", "0,false,5000,qemu"})
    void a_guest_is_saved_while_it_writes_and_nothing_of_it_is_lost(
            int channels, boolean directIo, long offset, String policy) throws Exception {
        Path file = folder.resolve("guest");
        byte[] header = new byte[(int) offset];
        new SplittableRandom(7).nextBytes(header);
        Files.write(file, header);
        Files.write(file, bytes("an older guest"), StandardOpenOption.APPEND);
        String uri = "file:" + file + (offset == 0 ? "" : ",offset=" + offset);
        try (WorkloadMachine machine = WorkloadMachine.create(machine());
                GuestHost source = running(machine, channels, directIo);
                WorkloadMachine empty = WorkloadMachine.incoming(machine());
                GuestHost destination = new GuestHost(empty, Optional.empty(), true)) {
            source.setParameters(Map.of(MigrationParameter.X_POLICY, policy));
            save(source, uri);

            assertThat(Verification.of(file, offset, StatedFormat.BY_CONTENT, Progress.NONE, 10)
                            .damages())
                    .isEmpty();
            try (RandomAccessFile read = new RandomAccessFile(file.toFile(), "r")) {
                byte[] kept = new byte[header.length];
                read.readFully(kept);
                assertThat(kept).isEqualTo(header);
            }
            try (Snapshot snapshot = Snapshot.open(file, offset, Progress.NONE)) {
                assertThat(snapshot.kind()).isEqualTo(Snapshot.Kind.GODWIT);
                assertThat(snapshot.present(0).setPages()).isLessThan(RAM_BYTES / 4096);
            }
            prepare(destination, channels, directIo).migrateIncoming(uri, false);
            Await.until("the guest", () -> !destination.migration().status().isUnderWay());
            assertThat(destination.migration().errorDescription()).isEmpty();
            assertThat(destination.runStatus()).isEqualTo(RunStatus.RUNNING);
            HostPair.assertSound(destination, empty);
            assertThat(machine.verify().damages()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(RamBacking.class)
    void a_guest_runs_while_its_memory_follows(RamBacking backing) throws Exception {
        if (backing == RamBacking.HUGETLB_2M) {
            long free = HugePages.pools().stream()
                    .filter(pool -> pool.pageSizeBytes() == 2 << 20)
                    .mapToLong(HugePages::freePages)
                    .sum();
            assumeTrue(free >= 8, "a machine on huge pages needs 8 free ones of 2 MiB: sudo sysctl vm.nr_hugepages=8");
        }
        Path file = folder.resolve("guest");
        saved(machine(), file);
        try (WorkloadMachine empty = WorkloadMachine.incoming(machine().withRam(RamOptions.of(backing)));
                GuestHost host = new GuestHost(empty, Optional.empty(), true)) {
            assumeUserfaultfd(empty);
            host.load(from(file, Mode.LAZY));
            assertThat(host.runStatus()).isEqualTo(RunStatus.RUNNING);
            Await.until("all of memory", () -> host.migration().status() == MigrationStatus.COMPLETED);
            HostPair.assertSound(host, empty);
            assertThat(host.migration().ram().orElseThrow().remainingBytes()).isZero();
            // memory is ordinary again: it can be saved
            prepare(host, 2, false).migrate("file:" + folder.resolve("again"), false);
            Await.until(
                    "the end of the migration", () -> !host.migration().status().isUnderWay());
            assertThat(Verification.of(folder.resolve("again"), Progress.NONE).damages())
                    .isEmpty();
        }
    }

    private static void assumeUserfaultfd(WorkloadMachine machine) {
        Optional<String> refusal = DemandLoad.refusal(machine.memory(), false);
        assumeTrue(refusal.isEmpty(), () -> "skipped: " + refusal.orElseThrow());
    }

    @Test
    void a_page_that_is_not_what_was_saved_is_never_shown_and_is_named() throws Exception {
        Path file = folder.resolve("guest");
        saved(machine(), file);
        long page = flipByteOfAPage(file);
        String name = "page 0x%x of block %s"
                .formatted(page * 4096, machine().layout().block(0).id());
        try (WorkloadMachine empty = WorkloadMachine.incoming(machine());
                GuestHost host = new GuestHost(empty, Optional.empty(), true)) {
            assumeUserfaultfd(empty);
            host.load(from(file, Mode.LAZY));
            Await.until("the damage", () -> host.migration().status() == MigrationStatus.POSTCOPY_PAUSED);
            assertThat(host.migration().errorDescription().orElseThrow()).contains(name);
            assertThatThrownBy(host::stop).hasMessageContaining(name);
            assertThatThrownBy(() -> host.migrate("file:" + folder.resolve("again"), false))
                    .hasMessageContaining("in progress");
            Await.until(
                    "all other pages",
                    () -> host.migration().ram().orElseThrow().remainingBytes() == 0);
            assertThat(empty.statistics().damagedPages()).isZero();
        }
        try (WorkloadMachine empty = WorkloadMachine.incoming(machine());
                GuestHost host = new GuestHost(empty, Optional.empty(), true)) {
            assertThatThrownBy(() -> host.load(from(file, Mode.EAGER))).hasMessageContaining(name);
            assertThat(empty.isRunning()).isFalse();
        }
    }

    private static long flipByteOfAPage(Path file) throws IOException {
        long page;
        long position;
        try (Snapshot snapshot = Snapshot.open(file)) {
            page = snapshot.present(0).nextSet(RAM_BYTES / 4096 / 2);
            position = snapshot.head().layout().blocks().getFirst().header().pagesOffsetBytes() + page * 4096 + 77;
        }
        try (RandomAccessFile damaged = new RandomAccessFile(file.toFile(), "rw")) {
            damaged.seek(position);
            int value = damaged.read();
            damaged.seek(position);
            damaged.write(value ^ 1);
        }
        return page;
    }

    @ParameterizedTest(name = "offset {0}")
    @ValueSource(longs = {0, 8192})
    void a_cancelled_save_leaves_the_guest_running_and_no_half_file(long offset) throws Exception {
        Path file = folder.resolve("guest");
        byte[] header = new byte[(int) offset];
        Files.write(file, offset == 0 ? bytes("an older guest") : header);
        long before = Files.size(file);
        try (WorkloadMachine machine = WorkloadMachine.create(machine());
                GuestHost source = running(machine, 2, false)) {
            source.setParameters(Map.of(MigrationParameter.MAX_BANDWIDTH, 1L << 20));
            source.migrate("file:" + file + (offset == 0 ? "" : ",offset=" + offset), false);
            Await.until("some pages", () -> source.migration().status() == MigrationStatus.ACTIVE);
            source.migrateCancel();
            Await.until("the end", () -> !source.migration().status().isUnderWay());
            assertThat(source.migration().status()).isEqualTo(MigrationStatus.CANCELLED);
            assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
            Await.until("nothing but the file", () -> filesIn(folder).equals(List.of("guest")));
            Await.until("what was there", () -> file.toFile().length() == before);
            awaitIdle(source);
            HostPair.assertSound(source, machine);
        }
    }

    private static void awaitIdle(GuestHost host) {
        Await.until("an idle source", () -> {
            try {
                host.setCapabilities(Map.of());
                return true;
            } catch (ControlException _) {
                return false;
            }
        });
    }

    private static List<String> filesIn(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void a_disk_that_is_full_and_a_folder_that_is_not_there_leave_the_guest_running() throws Exception {
        try (WorkloadMachine machine = WorkloadMachine.create(machine());
                GuestHost source = running(machine, 2, false)) {
            source.migrate("file:" + folder.resolve("none/guest"), false);
            Await.until("the end", () -> !source.migration().status().isUnderWay());
            assertThat(source.migration().errorDescription().orElseThrow()).contains("none");
            assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
            awaitIdle(source);
            assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
            Path disk = Files.createDirectory(folder.resolve("disk"));
            assumeTrue(
                    run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.toString()) == 0,
                    "skipped, for want of the right to mount a tmpfs");
            try {
                source.migrate("file:" + disk.resolve("guest"), false);
                Await.until("the end", () -> !source.migration().status().isUnderWay());
                assertThat(source.migration().errorDescription().orElseThrow()).contains("is full");
                assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
                awaitIdle(source);
                assertThat(filesIn(disk)).isEmpty();
                HostPair.assertSound(source, machine);
            } finally {
                assertThat(run("umount", disk.toString())).isZero();
            }
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    @Test
    void what_does_not_go_together_is_refused_in_qemus_words() throws Exception {
        try (WorkloadMachine machine = WorkloadMachine.create(machine());
                GuestHost source = running(machine, 2, false)) {
            assertThatThrownBy(() -> source.setCapabilities(
                            Map.of(MigrationCapability.XBZRLE, true, MigrationCapability.MULTIFD, false)))
                    .hasMessage("Mapped-ram migration is incompatible with xbzrle");
            assertThatThrownBy(() -> source.migrate("tcp:127.0.0.1:1", false))
                    .hasMessage("Migration requires seekable transport (e.g. file)");
            source.setParameters(Map.of(MigrationParameter.MULTIFD_COMPRESSION, "zlib"));
            assertThatThrownBy(() -> source.migrate("file:" + folder.resolve("a"), false))
                    .hasMessage("Cannot use compression with mapped-ram");
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4})
    void guests_are_saved_and_loaded_again_and_again(long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        WorkloadOptions options =
                WorkloadOptions.ofRam(2L << 20).withVcpus(2).withLoad(WorkloadLoad.of(20_000, WorkloadPattern.RANDOM));
        Path file = folder.resolve("guest");
        WorkloadMachine machine = WorkloadMachine.create(options);
        GuestHost host = new GuestHost(machine, Optional.empty(), false);
        host.cont();
        try {
            for (int time = 0; time < 25; time++) {
                boolean directIo = random.nextBoolean();
                prepare(host, random.nextInt(4), directIo);
                save(host, "file:" + file);
                host.close();
                machine = WorkloadMachine.incoming(options);
                host = new GuestHost(machine, Optional.empty(), true);
                Mode mode = random.nextBoolean() ? Mode.EAGER : Mode.LAZY_WHERE_POSSIBLE;
                host.load(new LoadOptions(file, 0, true, mode, 1 + random.nextInt(3), directIo, Optional.empty()));
                assertThat(host.runStatus()).isEqualTo(RunStatus.RUNNING);
                GuestHost loaded = host;
                Await.until("all of memory", () -> loaded.migration().status() == MigrationStatus.COMPLETED);
                HostPair.assertSound(host, machine);
            }
        } finally {
            host.close();
        }
    }
}
