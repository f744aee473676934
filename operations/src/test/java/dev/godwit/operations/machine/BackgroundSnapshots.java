package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.MachineSnapshotOutput;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** Background snapshots of workload machines, and what must be in them. */
final class BackgroundSnapshots {

    private BackgroundSnapshots() {}

    static void assumePossible() {
        Optional<String> missing = UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
    }

    /** A machine that runs, under a run state of its own. */
    record Running(WorkloadMachine machine, MachineRun run, List<MachineEvent> events) implements AutoCloseable {

        static Running start(WorkloadOptions options) throws Exception {
            List<MachineEvent> events = new CopyOnWriteArrayList<>();
            WorkloadMachine machine = WorkloadMachine.create(options);
            MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, events::add);
            run.cont();
            return new Running(machine, run, events);
        }

        BackgroundSnapshot snapshot(BackgroundSnapshot.Connector connector) {
            return new BackgroundSnapshot(machine, run, UserfaultfdWriteTracking::start, connector, events::add);
        }

        /** The guest runs, writes, and every page of it is as it must be. */
        void assertSound() throws IOException {
            assertThat(run.status()).isEqualTo(RunStatus.RUNNING);
            long written = machine.statistics().writtenPages();
            Await.until("a write of the guest", () -> machine.statistics().writtenPages() > written);
            run.stop();
            assertThat(machine.verify().damages()).isEmpty();
            try {
                run.cont();
            } catch (dev.godwit.engine.migration.ControlException e) {
                throw new IOException(e);
            }
        }

        @Override
        public void close() throws IOException {
            machine.close();
        }
    }

    /** Makes a snapshot file under a name. */
    static BackgroundSnapshot.Connector toFile(Machine machine, Path file, int writers) {
        return () -> output(machine, file, writers);
    }

    static SnapshotOutput output(Machine machine, Path file, int writers) throws IOException {
        SnapshotWriter writer = SnapshotWriter.create(file, SnapshotOptions.DEFAULT);
        return new MachineSnapshotOutput(
                machine, writer, writers, () -> new CreationFacts(Instant.now(), "test", "", "background", "a test"));
    }

    /** Every page of a snapshot is as the program says that it was when the device state was saved. */
    static void assertConsistent(Path file, WorkloadOptions options) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file);
                WorkloadMachine machine = WorkloadMachine.incoming(options)) {
            assertThat(snapshot.trailerDamages()).isEmpty();
            var ram = snapshot.checked();
            for (RamBlock block : ram.layout().blocks()) {
                int from = ram.layout().indexOf(block.id());
                int to = machine.memory().layout().indexOf(block.id());
                ram.read(from, 0, machine.memory().block(to).asSlice(0, block.pages() * Page.SIZE_BYTES));
            }
            machine.load(MachineSections.read(snapshot.vmState()));
            assertThat(machine.verify().damages()).as("pages of the instant").isEmpty();
        }
    }
}
