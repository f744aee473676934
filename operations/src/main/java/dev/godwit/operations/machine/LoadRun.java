package dev.godwit.operations.machine;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.precopy.IncomingPrecopy;
import dev.godwit.host.DemandLoad;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A guest that is loaded from a file. While its memory follows on demand its status is {@code postcopy-active}, and
 * {@code postcopy-paused} where a page cannot be had. Any thread may use it.
 */
final class LoadRun implements IncomingGuest {

    private final Machine machine;
    private final SnapshotArrival arrival;
    private final IncomingPrecopy precopy;
    private final Consumer<MachineEvent> events;
    private final Consumer<Optional<String>> whenEnded;
    private final Thread thread = Thread.ofPlatform().name("load").daemon(true).unstarted(this::run);

    /**
     * A load that has not begun.
     *
     * @param events hears of the status
     * @param whenEnded called once by {@link #start}'s thread: with nothing when the guest is here, otherwise with the
     *     reason
     */
    LoadRun(
            Machine machine,
            MachineRun machineRun,
            LoadOptions options,
            Consumer<MachineEvent> events,
            Consumer<Optional<String>> whenEnded) {
        this.machine = machine;
        this.events = events;
        this.whenEnded = whenEnded;
        this.arrival = new SnapshotArrival(machine, options, this::tell);
        this.precopy = new IncomingPrecopy(machine, machineRun, this::tellOrHoldBack);
    }

    /** The guest runs before its memory is complete; that is told when it is. */
    private void tellOrHoldBack(MachineEvent event) {
        boolean follows =
                arrival.standing().filter(standing -> !standing.isOver()).isPresent();
        tell(
                follows && event.equals(new MachineEvent.StatusChanged(MigrationStatus.COMPLETED))
                        ? MigrationStatus.POSTCOPY_ACTIVE
                        : event instanceof MachineEvent.StatusChanged(MigrationStatus status)
                                ? status
                                : MigrationStatus.NONE);
    }

    private void tell(MigrationStatus status) {
        events.accept(new MachineEvent.StatusChanged(status));
    }

    /** Loads it on a thread of its own. */
    void start() {
        precopy.listening();
        thread.start();
    }

    private void run() {
        Optional<String> error = Optional.empty();
        try {
            bring();
        } catch (MigrationException e) {
            error = Optional.of(e.getMessage() == null ? e.toString() : e.getMessage());
        }
        whenEnded.accept(error);
    }

    /**
     * Loads it; returns when the guest runs.
     *
     * @throws ControlException if it cannot be loaded
     */
    void load() throws ControlException {
        precopy.listening();
        try {
            bring();
        } catch (MigrationException e) {
            throw new ControlException("no guest was loaded: " + e.getMessage(), e);
        }
    }

    private void bring() throws MigrationException {
        try {
            precopy.run(arrival);
        } catch (MigrationException e) {
            arrival.endLoad(e);
            throw e;
        }
    }

    @Override
    public MigrationStatus status() {
        MigrationStatus arrived = precopy.state().status();
        return arrived == MigrationStatus.COMPLETED
                ? arrival.standing().map(LoadRun::statusOf).orElse(arrived)
                : arrived;
    }

    private static MigrationStatus statusOf(DemandLoad.Standing standing) {
        if (standing.isOver()) {
            return MigrationStatus.COMPLETED;
        }
        return standing.damage().isPresent() ? MigrationStatus.POSTCOPY_PAUSED : MigrationStatus.POSTCOPY_ACTIVE;
    }

    @Override
    public MigrationReport report() {
        MigrationReport arrived = precopy.report();
        if (arrived.status() != MigrationStatus.COMPLETED || arrival.standing().isEmpty()) {
            return arrived;
        }
        DemandLoad.Standing standing = arrival.standing().get();
        long totalBytes = machine.memory().layout().totalBytes();
        MigrationReport.Ram ram = new MigrationReport.Ram(
                totalBytes - standing.remainingBytes(),
                standing.remainingBytes(),
                totalBytes,
                0,
                0,
                Page.SIZE_BYTES,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                totalBytes - standing.remainingBytes(),
                standing.faults());
        return new MigrationReport(
                statusOf(standing),
                standing.damage(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.of(ram),
                Optional.empty(),
                OptionalInt.empty(),
                List.of(),
                List.of());
    }

    /**
     * {@inheritDoc} A guest whose memory is not complete ends with this: it is stopped, and where a vCPU waits for a
     * page that cannot be had, it is let go only when it can do nothing more than stop.
     */
    @Override
    public void close() throws IOException {
        arrival.abort();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException _) {
                interrupted = true; // the machine may not go before it has
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        arrival.endWithMachine();
    }
}
