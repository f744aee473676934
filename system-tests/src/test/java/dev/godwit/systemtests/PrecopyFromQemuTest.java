package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.IncomingPrecopy;
import dev.godwit.qemu.IncomingMachineStream;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.ReceivedPages;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.testkit.WritingMachine;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A stock QEMU sends its guest to a machine of ours that has the same memory, and other devices. */
@Timeout(300)
class PrecopyFromQemuTest {

    private static final String TYPE = "pc-i440fx-10.0";

    /** Learns the blocks, and throws the pages away. */
    private static final class LayoutOnly implements RamSink, PageLane {
        private RamLayout layout = new RamLayout(List.of());

        @Override
        public void begin(RamLayout found) {
            layout = found;
        }

        @Override
        public PageLane lane() {
            return this;
        }

        @Override
        public void pages(int blockIndex, long offsetBytes, MemorySegment content) {}

        @Override
        public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) {}

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) {}

        @Override
        public void flush() {}
    }

    @Test
    void a_machine_of_ours_takes_qemus_ram_and_refuses_its_devices_by_name() throws Exception {
        try (QemuProcess qemu = QemuLaunch.of(QemuVersion.QEMU_10_0, TYPE)
                .memoryMib(32)
                .with("-S")
                .start()) {
            RamLayout layout = layout(qemu);
            try (WritingMachine machine = new WritingMachine(
                            TYPE, 25, WritingMachine.IDLE, layout.blocks().toArray(RamBlock[]::new));
                    MigrationListener listener = MigrationListener.open(
                            MigrationUri.parse("unix:" + qemu.folder().resolve("migration")))) {
                MachineRun run = new MachineRun(machine, RunStatus.INMIGRATE, event -> {});
                IncomingPrecopy incoming = new IncomingPrecopy(machine, run, event -> {});
                incoming.listening();
                qemu.withMonitor(monitor -> {
                    monitor.setMigrationCapabilities(Map.of("return-path", true, "switchover-ack", true));
                    monitor.migrate(listener.address().toString());
                    return null;
                });
                MigrationChannel channel = listener.accept();
                IncomingMachineStream stream = new IncomingMachineStream(
                                machine, new ReceivedPages(new MachineSink(machine.memory())), channel)
                        .returnPath(channel, true);

                assertThatThrownBy(() -> incoming.run(stream))
                        .hasMessageContaining("device sections")
                        .hasMessageContaining("cpu");

                assertThat(machine.isRunning()).isFalse();
                assertThat(Checks.awaitEnd(qemu)).isEqualTo("failed");
                assertThat(Checks.pagesThatDiffer(qemu, machine.memory().block(layout.indexOf("pc.ram"))))
                        .isEmpty();
            }
        }
    }

    /** By a migration into a file, after which the guest, which has never run, is as before. */
    private static RamLayout layout(QemuProcess qemu) throws IOException {
        Path file = qemu.folder().resolve("recorded");
        qemu.withMonitor(monitor -> {
            monitor.migrate("exec:cat > " + file);
            return null;
        });
        assertThat(Checks.awaitEnd(qemu)).isEqualTo("completed");
        LayoutOnly sink = new LayoutOnly();
        try (FileChannel channel = FileChannel.open(file)) {
            IncomingMigration.from(channel).into(sink);
        }
        qemu.withMonitor(monitor -> {
            monitor.cont();
            monitor.stop();
            return null;
        });
        return sink.layout;
    }
}
