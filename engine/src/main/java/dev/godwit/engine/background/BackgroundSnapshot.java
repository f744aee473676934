package dev.godwit.engine.background;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.migration.WriteFaultReport;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A consistent snapshot of a running machine: its memory is write-protected, the guest stands still for the moment in
 * which its devices are saved, and runs on while its pages are written as they were. A page that it wants to write is
 * written to the snapshot first, and it waits for that. Of the memory nothing is copied, so a slow disk slows the guest
 * and takes no memory.
 *
 * <p>{@link #run} does the work once, on a platform thread of its own; every other method may be called by any thread.
 * However it ends, the guest runs on here as it did, and nothing is protected any more.
 */
public final class BackgroundSnapshot {

    /** Makes the output; called once the status is {@code setup}. */
    public interface Connector {
        /**
         * {@return where the snapshot goes}
         *
         * @throws IOException if it cannot be made
         */
        SnapshotOutput connect() throws IOException;
    }

    private final Machine machine;
    private final MachineRun machineRun;
    private final WriteTrackingStarter starter;
    private final Connector connector;
    private final Consumer<MachineEvent> events;
    private final SnapshotFigures figures;
    private MigrationStatus status = MigrationStatus.NONE;
    private Optional<String> error = Optional.empty();
    private @Nullable SnapshotOutput output;
    private @Nullable BackgroundCopy copy;

    /**
     * A snapshot to be taken.
     *
     * @param machine is not closed here
     * @param machineRun the machine's
     * @param starter how writes are tracked
     * @param connector makes the output, which is closed here
     * @param events hears of the status
     */
    public BackgroundSnapshot(
            Machine machine,
            MachineRun machineRun,
            WriteTrackingStarter starter,
            Connector connector,
            Consumer<MachineEvent> events) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.starter = starter;
        this.connector = connector;
        this.events = events;
        this.figures = new SnapshotFigures(machine.memory().layout().totalBytes(), System.nanoTime());
    }

    /**
     * Takes the snapshot. When this returns, it is whole at its destination.
     *
     * @throws MigrationException if it failed or was cancelled; the guest runs on here if it ran before
     */
    public void run() throws MigrationException {
        to(MigrationStatus.SETUP, null);
        try (Taking taking = new Taking()) {
            taking.run();
            figures.ended(System.nanoTime());
        } catch (IOException | RuntimeException | Error e) {
            throw failed(e);
        }
        to(MigrationStatus.COMPLETED, null);
    }

    private MigrationException failed(Throwable cause) {
        figures.ended(System.nanoTime());
        if (status() == MigrationStatus.CANCELLING) {
            to(MigrationStatus.CANCELLED, null);
            return new MigrationException("the snapshot was cancelled", GuestLocation.GUEST_AT_SOURCE, cause);
        }
        String message = cause.getMessage();
        String text = message == null || !(cause instanceof IOException) ? cause.toString() : message;
        to(MigrationStatus.FAILED, text);
        return new MigrationException(text, GuestLocation.GUEST_AT_SOURCE, cause);
    }

    /** The snapshot under way, and what it holds. */
    private final class Taking implements AutoCloseable {

        private boolean whole;

        void run() throws IOException {
            SnapshotOutput made = connector.connect();
            synchronized (BackgroundSnapshot.this) {
                output = made;
                checkCancelled();
            }
            made.begin();
            BackgroundCopy begun = begin(made);
            begun.arm();
            figures.setUp(System.nanoTime());
            to(MigrationStatus.ACTIVE, null);
            Instant instant = new Instant(begun);
            figures.pausedNs(machineRun.whileStopped(instant::take));
            begun.copyAll();
            made.end(instant.state(), instant.before);
            whole = true;
        }

        private BackgroundCopy begin(SnapshotOutput made) throws IOException {
            WriteTracking tracking = starter.start(machine);
            try {
                BackgroundCopy begun = new BackgroundCopy(machine, made, tracking);
                synchronized (BackgroundSnapshot.this) {
                    copy = begun;
                    checkCancelled();
                }
                return begun;
            } catch (IOException | RuntimeException | Error e) {
                tracking.close();
                throw e;
            }
        }

        @Override
        public void close() throws IOException {
            BackgroundCopy begun = copy;
            SnapshotOutput made = output;
            if (begun != null) {
                begun.letAllGo();
            }
            if (made != null) {
                if (!whole) {
                    made.abort();
                }
                if (begun != null) {
                    begun.close();
                }
                made.close();
            }
        }
    }

    /** What is kept of the instant of the snapshot. */
    private final class Instant {

        private final BackgroundCopy begun;
        private @Nullable MachineState state;
        private RunStatus before = RunStatus.PAUSED;

        Instant(BackgroundCopy begun) {
            this.begun = begun;
        }

        void take(RunStatus as) throws IOException {
            before = as;
            begun.hold();
            state = machine.save();
        }

        MachineState state() {
            MachineState saved = state;
            if (saved == null) {
                throw new AssertionError("no instant was taken");
            }
            return saved;
        }
    }

    private void checkCancelled() throws IOException {
        if (status == MigrationStatus.CANCELLING) {
            throw new IOException("the snapshot was cancelled");
        }
    }

    private synchronized void to(MigrationStatus next, @Nullable String failure) {
        boolean cancels = status == MigrationStatus.CANCELLING;
        if (cancels && next == MigrationStatus.ACTIVE) {
            return;
        }
        status = next;
        error = Optional.ofNullable(failure);
        events.accept(new MachineEvent.StatusChanged(next));
    }

    /** Undoes the snapshot, at any moment: the guest is let go at once. Does nothing where none is under way. */
    public void cancel() {
        BackgroundCopy begun;
        SnapshotOutput made;
        synchronized (this) {
            if (status != MigrationStatus.SETUP && status != MigrationStatus.ACTIVE) {
                return;
            }
            to(MigrationStatus.CANCELLING, null);
            begun = copy;
            made = output;
        }
        if (begun != null) {
            begun.letAllGo();
        }
        if (made != null) {
            // not here: a snapshot that is being made whole is waited for
            Thread.ofVirtual().name("cancel").start(made::abort);
        }
    }

    /** {@return where it stands} */
    public synchronized MigrationStatus status() {
        return status;
    }

    /** {@return how long the guest stood still, in nanoseconds; 0 where it did not run, or has not stopped yet} */
    public long pausedNs() {
        return figures.pausedNs();
    }

    /** {@return how much the guest was slowed down so far} */
    public WriteFaultReport faults() {
        BackgroundCopy begun;
        synchronized (this) {
            begun = copy;
        }
        return begun == null ? WriteFaultReport.NONE : begun.faults();
    }

    /** {@return how it stands, for {@code query-migrate}} */
    public MigrationReport report() {
        MigrationStatus now;
        Optional<String> why;
        SnapshotOutput made;
        BackgroundCopy begun;
        synchronized (this) {
            now = status;
            why = error;
            made = output;
            begun = copy;
        }
        return figures.report(now, why, made, begun, System.nanoTime());
    }
}
