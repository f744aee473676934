package dev.godwit.operations.machine;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.background.LiveSnapshot;
import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.operations.GodwitVersion;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.MachineSnapshotOutput;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The library's door: a machine in this process, most often a {@link dev.godwit.host.ProgramMachine}, that is kept in
 * files while it runs, and moved to another process. Each call does its work on the calling thread and returns when it
 * is done; one at a time.
 *
 * <p>{@link #snapshot} needs writers that are native calls, {@link #liveSnapshot} and {@link #moveTo} suit any kind of
 * access: {@link dev.godwit.host.ProgramMachine} tells why.
 */
public final class LiveMachine implements Closeable {

    private static final Set<MigrationCapability> MOVING = Set.of(MigrationCapability.RETURN_PATH);
    private static final MachineChannels PLAIN = new MachineChannels(Optional.empty(), Optional.empty());
    private static final int SNAPSHOT_WRITERS = 2;
    private static final int LOAD_BYTES = 1 << 20;

    private final Machine machine;
    private final MachineRun run;
    private final CompletableFuture<Optional<String>> arrival = new CompletableFuture<>();
    private @Nullable IncomingRun incoming;

    private LiveMachine(Machine machine, RunStatus status) {
        this.machine = machine;
        this.run = new MachineRun(machine, status, _ -> {});
    }

    /**
     * A snapshot that was taken.
     *
     * @param pause for how long the machine stood still
     * @param total from the call to the synced file
     * @param waits how long its writers waited for pages
     */
    public record Taken(Duration pause, Duration total, WriteFaultReport waits) {}

    /**
     * {@return a machine that runs from now on}
     *
     * @param machine is paused; belongs to this from now on
     * @throws IOException if it cannot run
     */
    public static LiveMachine start(Machine machine) throws IOException {
        LiveMachine live = new LiveMachine(machine, RunStatus.PRELAUNCH);
        live.resume();
        return live;
    }

    /**
     * {@return a machine as it stands in a snapshot; it runs from now on}
     *
     * @param machine is paused and empty; belongs to this from now on
     * @throws IOException if the snapshot is damaged, or not one of such a machine
     */
    public static LiveMachine load(Machine machine, Path file) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file)) {
            String type = snapshot.vmState().configuration().machineType();
            if (!type.equals(machine.type())) {
                throw new IOException("expected a snapshot of a %s, found one of a %s".formatted(machine.type(), type));
            }
            copy(snapshot.checked(), machine);
            machine.load(MachineSections.read(snapshot.vmState()));
        }
        return start(machine);
    }

    private static void copy(RamSource ram, Machine machine) throws IOException {
        for (int block = 0; block < ram.layout().blocks().size(); block++) {
            int index =
                    machine.memory().layout().indexOf(ram.layout().block(block).id());
            if (index < 0
                    || !machine.memory()
                            .layout()
                            .block(index)
                            .equals(ram.layout().block(block))) {
                throw new IOException("the snapshot has %s, the machine has %s"
                        .formatted(ram.layout(), machine.memory().layout()));
            }
            PageBitmap present = ram.present(block);
            for (long page = present.nextSet(0); page >= 0; ) {
                long clear = present.nextClear(page);
                long end = Math.min(clear < 0 ? present.pages() : clear, page + LOAD_BYTES / Page.SIZE_BYTES);
                ram.read(
                        block,
                        page * Page.SIZE_BYTES,
                        machine.memory().block(index).asSlice(page * Page.SIZE_BYTES, (end - page) * Page.SIZE_BYTES));
                page = present.nextSet(end);
            }
        }
    }

    /**
     * {@return a machine that listens for one that moves here; {@link #awaitArrival} waits for it}
     *
     * @param machine is paused and empty; belongs to this from now on
     * @param uri {@code unix:PATH} or {@code tcp:HOST:PORT}
     * @throws IOException if it cannot listen there
     */
    public static LiveMachine listen(Machine machine, String uri) throws IOException {
        LiveMachine live = new LiveMachine(machine, RunStatus.INMIGRATE);
        IncomingRun waiting = new IncomingRun(
                machine,
                live.run,
                new MigrationSettings(machine),
                PLAIN,
                MigrationUri.parse(uri),
                Optional.empty(),
                _ -> {},
                live.arrival::complete);
        live.incoming = waiting;
        waiting.start();
        return live;
    }

    /**
     * Waits until the machine that moves here runs here.
     *
     * @throws IOException if it did not arrive; it is where it was
     */
    public void awaitArrival() throws IOException {
        try {
            Optional<String> failure = arrival.get();
            if (failure.isPresent()) {
                throw new IOException(failure.get());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the machine was awaited", e);
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /** Lets the machine run, after {@link #pause}. */
    public void resume() throws IOException {
        try {
            run.cont();
        } catch (ControlException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Stops the machine. */
    public void pause() throws IOException {
        run.stop();
    }

    /**
     * Takes a snapshot of this instant, by write protection, while the machine runs on. Writers wait for pages that are
     * not yet kept; they must be native calls.
     *
     * @param file the snapshot; what is there already is replaced when the new one is whole
     * @throws MigrationException if it cannot be taken; the machine runs on, and the file is as it was
     */
    public Taken snapshot(Path file) throws MigrationException {
        long startNs = System.nanoTime();
        BackgroundSnapshot snapshot = new BackgroundSnapshot(
                machine, run, UserfaultfdWriteTracking::start, () -> output(file, "background"), _ -> {});
        snapshot.run();
        return taken(snapshot.pausedNs(), startNs, snapshot.faults());
    }

    /**
     * Takes a snapshot by the dirty log, of the instant at the end, for which the machine stands still while the last
     * pages are written. Nobody ever waits for a page: any kind of access to the memory is safe.
     *
     * @param file the snapshot; what is there already is replaced when the new one is whole
     * @throws MigrationException if it cannot be taken; the machine runs on, and the file is as it was
     */
    public Taken liveSnapshot(Path file) throws MigrationException {
        long startNs = System.nanoTime();
        SnapshotOutput output;
        try {
            output = output(file, "live");
        } catch (IOException e) {
            throw new MigrationException(String.valueOf(e.getMessage()), GuestLocation.GUEST_AT_SOURCE, e);
        }
        LiveSnapshot snapshot = new LiveSnapshot(machine, run, output);
        snapshot.run();
        return taken(snapshot.pausedNs(), startNs, WriteFaultReport.NONE);
    }

    private static Taken taken(long pausedNs, long startNs, WriteFaultReport waits) {
        return new Taken(Duration.ofNanos(pausedNs), Duration.ofNanos(System.nanoTime() - startNs), waits);
    }

    private SnapshotOutput output(Path file, String mode) throws IOException {
        SnapshotWriter writer = SnapshotWriter.create(file, SnapshotOptions.DEFAULT);
        return new MachineSnapshotOutput(
                machine,
                writer,
                SNAPSHOT_WRITERS,
                () -> new CreationFacts(Instant.now(), GodwitVersion.TEXT, "", mode, machine.type()));
    }

    /**
     * Moves the machine, while it runs, to another process that listens. When this returns, it runs there, and never
     * again here.
     *
     * @param uri where the other listens
     * @return for how long it stood still
     * @throws MigrationException if it did not move; it says where the machine is
     */
    public Duration moveTo(String uri) throws MigrationException {
        OutgoingConnector connector = new OutgoingConnector(
                machine, MigrationUri.parse(uri), PLAIN, MOVING, () -> MigrationParameters.DEFAULTS);
        PrecopySettings settings =
                new PrecopySettings(MOVING, () -> MigrationParameters.DEFAULTS, _ -> {}, Clock.SYSTEM);
        Precopy precopy = new Precopy(machine, run, connector, settings);
        precopy.run();
        return precopy.downtime()
                .map(downtime -> Duration.ofNanos(downtime.totalNs()))
                .orElse(Duration.ZERO);
    }

    /** Ends the machine; nothing may be under way. */
    @Override
    public void close() throws IOException {
        IncomingRun waiting = incoming;
        try {
            if (waiting != null) {
                waiting.close();
            }
        } finally {
            machine.close();
        }
    }
}
