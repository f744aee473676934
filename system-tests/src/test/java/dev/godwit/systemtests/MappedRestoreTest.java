package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.MappedArguments;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.RestoreResult;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests whose RAM is their snapshot: QEMU has it mapped, and no page of it is sent. */
@Timeout(600)
class MappedRestoreTest {

    private static final QemuLaunch PC = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc");
    private static final long RAM_BYTES = 128 << 20;

    @TempDir
    private static Path folder = Path.of("");

    private static Path file = Path.of("");
    private static String checksum = "";

    @BeforeAll
    static void take_a_snapshot() throws Exception {
        file = folder.resolve("snapshot, a file");
        checksum = LazyRestoreTest.snapshot(PC, file);
    }

    private static QemuProcess destination(QemuLaunch launch, Path snapshot) throws IOException {
        try (Snapshot opened = Snapshot.open(snapshot)) {
            return launch.with(MappedArguments.of(opened).options().toArray(String[]::new))
                    .start();
        }
    }

    private static RestoreResult restore(QemuProcess destination, Path snapshot, boolean verify) throws IOException {
        RestoreOptions options =
                RestoreOptions.mapped(snapshot, new Destination.Deferred(destination.qmpAddress()), verify);
        try (Restore restore = new Restore(options, Progress.NONE)) {
            return restore.run();
        }
    }

    private static void assertRefused(QemuProcess destination, Path snapshot, boolean verify, String... why)
            throws IOException {
        Checks.Settings before = Checks.Settings.of(destination);
        MigrationException e =
                catchThrowableOfType(MigrationException.class, () -> restore(destination, snapshot, verify));
        assertThat(e).hasMessageContainingAll(why).hasMessageContaining("still in the snapshot");
        assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        assertThat(Checks.Settings.of(destination)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"q35", "microvm", "pc-i440fx-7.2"})
    void a_guest_runs_on_the_file_itself_and_writes_nothing_into_it(String machine) throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, machine);
        Path snapshot = folder.resolve(machine);
        String right = LazyRestoreTest.snapshot(launch, snapshot);
        try (QemuProcess destination = destination(launch, snapshot)) {
            RestoreResult result = restore(destination, snapshot, true);
            System.out.printf("%s: %s%n", machine, result);
            assertThat(result.mappedBytes()).isEqualTo(RAM_BYTES);
            assertThat(result.runState()).contains("running");
            assertThat(result.verifiedPages()).isPresent();
            Checks.assertGuestGoesOn(destination, right);
        }
        Checks.assertWhole(snapshot);
    }

    @Test
    void clones_share_the_file_and_go_ways_of_their_own() throws Exception {
        try (QemuProcess one = destination(PC, file);
                QemuProcess other = destination(PC, file)) {
            assertThat(restore(one, file, false).verifiedPages()).isEmpty();
            restore(other, file, false);
            CloneTest.interrupt(other);
            Checks.assertGuestGoesOn(one, checksum);
            Checks.assertGuestGoesOn(other, checksum);
            assertThat(CloneTest.wasInterrupted(one)).isFalse();
        }
        Checks.assertWhole(file);
    }

    @Test
    void a_qemu_whose_ram_is_something_else_is_refused_and_told_how_to_be_started() throws Exception {
        try (QemuProcess plain = PC.incoming("defer").start()) {
            assertRefused(plain, file, false, "no RAM of that QEMU is a mapping", "memory-backend-file,id=pc.ram");
        }
        Path other = folder.resolve("other");
        Files.copy(file, other);
        try (QemuProcess mapped = destination(PC, other)) {
            assertRefused(mapped, file, false, "no RAM of that QEMU is a mapping");
            Files.move(file, folder.resolve("kept"));
            Files.copy(folder.resolve("kept"), file);
            Files.copy(file, folder.resolve("fresh"));
            Files.move(folder.resolve("fresh"), other, StandardCopyOption.REPLACE_EXISTING);
            assertRefused(mapped, other, false, "replaced since QEMU was started");
        }
        try (QemuProcess old = PC.on(QemuVersion.QEMU_7_2).incoming("defer").start()) {
            MigrationException e = catchThrowableOfType(MigrationException.class, () -> restore(old, file, false));
            assertThat(e).hasMessageContaining("still in the snapshot");
        }
    }

    @Test
    void a_shared_mapping_and_one_that_can_write_the_file_are_refused() throws Exception {
        try (Snapshot opened = Snapshot.open(file)) {
            List<String> right = MappedArguments.of(opened).options();
            for (String wrong : List.of("share=on,readonly=off", "share=off,readonly=off")) {
                String[] options = right.stream()
                        .map(option -> option.replace("share=off,readonly=on,rom=off", wrong))
                        .toArray(String[]::new);
                try (QemuProcess destination = PC.with(options).start()) {
                    assertRefused(destination, file, false, "it has to be made with");
                }
            }
        }
    }

    @Test
    void a_damaged_file_is_refused_if_it_is_to_be_verified() throws Exception {
        Path damaged = Files.copy(file, folder.resolve("damaged"));
        LazyRestoreFailuresTest.damage(damaged);
        try (QemuProcess destination = destination(PC, damaged)) {
            assertRefused(destination, damaged, true, "is damaged", "pc.ram");
        }
    }

    @Test
    void a_qemu_that_lacks_a_device_of_the_guest_says_so_and_gets_its_settings_back() throws Exception {
        Path more = folder.resolve("more");
        LazyRestoreTest.snapshot(PC.with("-device", "virtio-balloon-pci"), more);
        try (QemuProcess destination = destination(PC, more)) {
            assertRefused(destination, more, false, "could not load it; QEMU says: load of migration failed");
        }
    }

    /** A page that was written, and then turned zero: QEMU leaves it in its place and clears its bit. */
    @Test
    void a_file_of_qemus_that_holds_more_than_its_bitmap_says_is_refused() throws Exception {
        Path foreign = folder.resolve("foreign");
        try (QemuProcess source = PC.start()) {
            Guest.awaitReady(source);
            source.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("mapped-ram", true));
                monitor.migrate("file:" + foreign);
                return true;
            });
            assertThat(Checks.awaitEnd(source)).isEqualTo("completed");
        }
        try (QemuProcess destination = destination(PC, foreign)) {
            writeIntoAPageThatIsZero(foreign);
            assertRefused(destination, foreign, false, "zero by the bitmap", "godwit convert");
        }
        assertArgumentsRefused(foreign);
    }

    /** Godwit makes holes of such pages, so in a file of its own it is damage, like that of any page. */
    @Test
    void a_file_of_godwits_that_holds_more_than_its_bitmap_says_is_refused_if_it_is_looked_at() throws Exception {
        Path stale = Files.copy(file, folder.resolve("stale"));
        try (QemuProcess destination = destination(PC, stale)) {
            writeIntoAPageThatIsZero(stale);
            assertRefused(destination, stale, true, "is damaged", "is not present, but its place holds data");
        }
        assertArgumentsRefused(stale);
    }

    private static void writeIntoAPageThatIsZero(Path stale) throws IOException {
        try (Snapshot opened = Snapshot.open(stale);
                FileChannel channel = FileChannel.open(stale, StandardOpenOption.WRITE)) {
            int block = opened.layout().indexOf("pc.ram");
            long page = opened.present(block).nextClear(1000);
            long at = opened.head().layout().blocks().get(block).header().pagesOffsetBytes() + page * 4096;
            channel.write(ByteBuffer.wrap(new byte[] {1}), at + 5);
        }
    }

    private static void assertArgumentsRefused(Path stale) throws IOException {
        try (Snapshot opened = Snapshot.open(stale)) {
            IOException e = catchThrowableOfType(IOException.class, () -> MappedArguments.of(opened));
            assertThat(e).hasMessageContaining("zero by the bitmap").hasMessageContaining("godwit convert");
        }
    }

    @Test
    void without_a_control_socket_nobody_could_see_whether_the_ram_is_the_file() throws Exception {
        MigrationException e = catchThrowableOfType(MigrationException.class, () -> {
            try (Restore restore = new Restore(
                    RestoreOptions.mapped(
                            file, new Destination.Listening(new MigrationUri.Unix(folder.resolve("in"))), false),
                    Progress.NONE)) {
                restore.run();
            }
        });
        assertThat(e).hasMessageContaining("control socket");
    }
}
