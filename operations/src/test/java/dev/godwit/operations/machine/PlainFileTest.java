package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines of ours that are saved as a plain stream into a file while they write. */
@Timeout(300)
class PlainFileTest {

    private static final WorkloadOptions MACHINE =
            WorkloadOptions.ofRam(16L << 20).withVcpus(2).withLoad(WorkloadLoad.of(5000, WorkloadPattern.RANDOM));
    private static final byte[] OLDER = "an older guest".getBytes(StandardCharsets.UTF_8);

    @TempDir
    private Path folder;

    private static GuestHost running(WorkloadMachine machine, boolean background, long bandwidth)
            throws ControlException {
        GuestHost host = new GuestHost(machine, Optional.of("source"), false);
        host.setCapabilities(
                Map.of(MigrationCapability.EVENTS, true, MigrationCapability.BACKGROUND_SNAPSHOT, background));
        host.setParameters(Map.of(MigrationParameter.MAX_BANDWIDTH, bandwidth));
        host.cont();
        return host;
    }

    private static void assumePossible(boolean background) {
        if (background) {
            BackgroundSnapshots.assumePossible();
        }
    }

    private static void awaitEnd(GuestHost source) {
        Await.until(
                "the end of the migration", () -> !source.migration().status().isUnderWay());
    }

    private static List<String> filesIn(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String uri(Path file, long offset) {
        return "file:" + file + (offset == 0 ? "" : ",offset=" + offset);
    }

    @ParameterizedTest(name = "background {0}, offset {1}")
    @CsvSource({"false,0", "true,0", "false,5000", "true,5000"})
    void a_guest_is_in_a_file_that_is_whole_and_in_no_other(boolean background, long offset) throws Exception {
        assumePossible(background);
        Path file = folder.resolve("guest");
        byte[] header = new byte[(int) offset];
        new SplittableRandom(7).nextBytes(header);
        if (offset > 0) {
            Files.write(file, header);
        }
        try (WorkloadMachine machine = WorkloadMachine.create(MACHINE);
                GuestHost source = running(machine, background, 0);
                WorkloadMachine empty = WorkloadMachine.incoming(MACHINE);
                GuestHost destination = new GuestHost(empty, Optional.empty(), true)) {
            source.migrate(uri(file, offset), false);
            awaitEnd(source);
            assertThat(source.migration().errorDescription()).isEmpty();
            assertThat(source.runStatus()).isEqualTo(background ? RunStatus.RUNNING : RunStatus.POSTMIGRATE);
            Await.until("nothing but the file", () -> filesIn(folder).equals(List.of("guest")));
            if (offset == 0) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .isEqualTo("rw-------");
            }
            try (RandomAccessFile read = new RandomAccessFile(file.toFile(), "r")) {
                byte[] kept = new byte[header.length];
                read.readFully(kept);
                assertThat(kept).isEqualTo(header);
            }
            destination.migrateIncoming(uri(file, offset), false);
            Await.until("the guest", () -> !destination.migration().status().isUnderWay());
            assertThat(destination.migration().errorDescription()).isEmpty();
            HostPair.assertSound(destination, empty);
        }
    }

    @ParameterizedTest(name = "offset {0}")
    @ValueSource(longs = {0, 8192})
    void what_was_there_stays_until_then_and_when_it_is_cancelled(long offset) throws Exception {
        Path file = folder.resolve("guest");
        byte[] before = offset == 0 ? OLDER : new byte[(int) offset];
        Files.write(file, before);
        try (WorkloadMachine machine = WorkloadMachine.create(MACHINE);
                GuestHost source = running(machine, false, 1 << 20)) {
            source.migrate(uri(file, offset), false);
            Await.until(
                    "some pages",
                    () -> source.migration()
                            .ram()
                            .filter(ram -> ram.transferredBytes() > 1 << 20)
                            .isPresent());
            if (offset == 0) {
                assertThat(file).hasBinaryContent(OLDER);
            }
            source.migrateCancel();
            awaitEnd(source);
            assertThat(source.migration().status()).isEqualTo(MigrationStatus.CANCELLED);
            Await.until("what was there", () -> file.toFile().length() == before.length);
            Await.until("nothing but the file", () -> filesIn(folder).equals(List.of("guest")));
            assertThat(file).hasBinaryContent(before);
            HostPair.assertSound(source, machine);
        }
    }

    @ParameterizedTest(name = "background {0}")
    @ValueSource(booleans = {false, true})
    void a_disk_that_is_full_leaves_the_guest_running_and_what_was_there(boolean background) throws Exception {
        assumePossible(background);
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped, for want of root");
        Path disk = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.toString()) == 0,
                "skipped, for want of the right to mount a tmpfs");
        Path file = Files.write(disk.resolve("guest"), OLDER);
        try (WorkloadMachine machine = WorkloadMachine.create(MACHINE);
                GuestHost source = running(machine, background, 0)) {
            source.migrate(uri(file, 0), false);
            awaitEnd(source);
            assertThat(source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            assertThat(source.migration().errorDescription().orElseThrow()).contains("No space left");
            assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
            Await.until("nothing but the file", () -> filesIn(disk).equals(List.of("guest")));
            assertThat(file).hasBinaryContent(OLDER);
            HostPair.assertSound(source, machine);
        } finally {
            assertThat(run("umount", disk.toString())).isZero();
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }
}
