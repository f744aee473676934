package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qmp.JsonObject;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A mapped-ram file that QEMU itself wrote, with dirty bitmaps in it. With virtio-mem too, QEMU 10.0 aborts under its
 * software emulator as soon as a Linux guest is migrated in whatever way; a file of a simpler guest with both is among
 * the captures.
 */
class ForeignMappedRamTest {

    @TempDir
    private Path folder = Path.of("");

    private static QemuLaunch launch() {
        return SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc")
                .with("-blockdev", "null-co,node-name=disk,size=1073741824");
    }

    private static void execute(QemuProcess qemu, String command, JsonObject arguments) throws IOException {
        qemu.withMonitor(monitor -> monitor.client().execute(command, arguments));
    }

    @Test
    void its_guest_comes_back_and_its_dirty_bitmap_with_it() throws Exception {
        Path file = folder.resolve("mapped-ram");
        try (QemuProcess source = launch().start();
                QemuProcess destination = launch().incoming("defer").start()) {
            String checksum = Guest.awaitReady(source);
            execute(
                    source,
                    "block-dirty-bitmap-add",
                    JsonObject.of("node", "disk").with("name", "changes"));
            execute(source, "human-monitor-command", JsonObject.of("command-line", "qemu-io disk \"write 1M 256k\""));
            source.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("mapped-ram", true, "dirty-bitmaps", true));
                monitor.migrate("file:" + file);
                return true;
            });
            assertThat(Checks.awaitEnd(source)).isEqualTo("completed");
            try (Snapshot snapshot = Snapshot.open(file)) {
                assertThat(snapshot.kind()).isEqualTo(Snapshot.Kind.MAPPED_RAM);
                assertThat(snapshot.vmState().sections())
                        .filteredOn(section -> section.idstr().equals("dirty-bitmap"))
                        .extracting(Section::type)
                        .contains(SectionType.START, SectionType.END);
            }
            Checks.restore(file, new Destination.Deferred(destination.qmpAddress()));
            Checks.assertGuestGoesOn(destination, checksum);
            assertThat(destination
                            .<String>withMonitor(monitor -> monitor.client()
                                    .execute("query-named-block-nodes")
                                    .toString())
                            .replace(" ", ""))
                    .contains("\"name\":\"changes\"", "\"count\":262144");
        }
    }
}
