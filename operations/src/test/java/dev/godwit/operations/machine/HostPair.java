package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadReport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** A workload machine that runs, and one that waits for it, both in this process. */
final class HostPair implements AutoCloseable {

    final WorkloadMachine sourceMachine;
    final WorkloadMachine destinationMachine;
    final GuestHost source;
    final GuestHost destination;
    final String uri;
    final List<MachineEvent> events = new CopyOnWriteArrayList<>();

    HostPair(Path folder, WorkloadOptions options) throws IOException, ControlException {
        this(folder, options, options);
    }

    HostPair(Path folder, WorkloadOptions there, WorkloadOptions here) throws IOException, ControlException {
        sourceMachine = WorkloadMachine.create(there);
        source = new GuestHost(
                sourceMachine,
                Optional.of("source"),
                false,
                Optional.of(new UserfaultfdRam(sourceMachine.ram(), false)));
        destinationMachine = WorkloadMachine.incoming(here);
        destination = new GuestHost(
                destinationMachine,
                Optional.of("destination"),
                true,
                Optional.of(new UserfaultfdRam(destinationMachine.ram(), false)));
        uri = "unix:" + folder.resolve("migration.sock");
        source.subscribe(events::add);
        source.cont();
    }

    /** Switches capabilities on at both sides. */
    HostPair with(MigrationCapability... capabilities) throws ControlException {
        Map<MigrationCapability, Boolean> on = new EnumMap<>(MigrationCapability.class);
        for (MigrationCapability capability : capabilities) {
            on.put(capability, true);
        }
        source.setCapabilities(on);
        destination.setCapabilities(on);
        return this;
    }

    /** Sets a parameter at both sides. */
    HostPair with(MigrationParameter parameter, Object value) throws ControlException {
        source.setParameters(Map.of(parameter, value));
        destination.setParameters(Map.of(parameter, value));
        return this;
    }

    HostPair begin() throws ControlException {
        destination.migrateIncoming(uri, false);
        source.migrate(uri, false);
        return this;
    }

    void migrate() throws ControlException {
        begin();
        awaitEnd();
        assertThat(source.migration().errorDescription()).isEmpty();
        assertThat(source.migration().status()).isEqualTo(MigrationStatus.COMPLETED);
        Await.until(
                "the guest at the destination", () -> destination.migration().status() == MigrationStatus.COMPLETED);
    }

    void awaitEnd() {
        Await.until(
                "the end of the migration", () -> !source.migration().status().isUnderWay());
    }

    /** The guest runs at the destination alone, and all its pages are there. */
    void assertArrived() throws ControlException {
        assertThat(source.runStatus()).isEqualTo(RunStatus.POSTMIGRATE);
        assertThat(sourceMachine.isRunning()).isFalse();
        assertThat(destination.runStatus()).isEqualTo(RunStatus.RUNNING);
        assertSound(destination, destinationMachine);
    }

    /** The guest runs at the source alone, as if nothing had been. */
    void assertStayed() throws ControlException {
        assertThat(source.runStatus()).isEqualTo(RunStatus.RUNNING);
        assertThat(destinationMachine.isRunning()).isFalse();
        awaitIdle();
        assertSound(source, sourceMachine);
    }

    /** Waits until the migration's thread has ended, which is shortly after its status. */
    void awaitIdle() {
        Await.until("an idle source", () -> {
            try {
                source.setCapabilities(Map.of());
                return true;
            } catch (ControlException _) {
                return false;
            }
        });
    }

    static void assertSound(GuestHost host, WorkloadMachine machine) throws ControlException {
        WorkloadReport report = host.whilePaused(_ -> machine.verify());
        assertThat(report.damages()).isEmpty();
        assertThat(report.isSound()).isTrue();
    }

    List<MachineEvent> eventsWithoutPasses() {
        return events.stream()
                .filter(event -> !(event instanceof MachineEvent.Pass))
                .toList();
    }

    @Override
    public void close() throws IOException {
        source.close();
        destination.close();
    }
}
