package dev.godwit.engine.precopy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.Downtime;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationEffect;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.MigrationTransition;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.migration.SourceStates;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The migration of a live machine away from here: RAM is sent while the guest writes it, then the guest is stopped and
 * the rest follows. It ends with the guest at the destination, or going on here as it was.
 *
 * <p>{@link #run} does the work once, on a platform thread of its own; every other method may be called by any thread.
 */
public final class Precopy {

    /** Makes the stream; called once the status is {@code setup}. */
    public interface Connector {
        /**
         * {@return the stream, connected}
         *
         * @throws IOException if the destination cannot be reached
         */
        OutgoingStream connect() throws IOException;
    }

    /** How long an idle lap waits for the destination's leave before it looks around again. */
    private static final long ACKNOWLEDGEMENT_WAIT_MS = 10;

    /** How long to wait for the destination to say why its connection cannot be written to. */
    private static final long REASON_WAIT_MS = 1000;

    /** How long a destination that may have everything has to say so, when the migration is cancelled. */
    private static final long VERDICT_WAIT_MS = 5000;

    private final Machine machine;
    private final MachineRun machineRun;
    private final Connector connector;
    private final PrecopySettings settings;
    private final LapStatistics statistics;
    private final Words words = new Words();
    private volatile MigrationState state = new MigrationState.Idle();
    private volatile MigrationStatus toldStatus = MigrationStatus.NONE;
    private volatile boolean acknowledged;
    private volatile @Nullable IOException destinationFailure;
    private @Nullable OutgoingStream stream;
    private @Nullable IOException takeBackFailure;

    /**
     * A migration.
     *
     * @param machine is not closed here
     * @param machineRun the machine's
     * @param connector makes the stream, which is closed here
     */
    public Precopy(Machine machine, MachineRun machineRun, Connector connector, PrecopySettings settings) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.connector = connector;
        this.settings = settings;
        this.statistics = new LapStatistics(
                machine.memory().layout().totalBytes(), settings.clock().nanoTime());
    }

    /**
     * Migrates. When this returns, the guest is at the destination and never runs here again.
     *
     * @throws MigrationException if it failed or was cancelled; the guest goes on here if it ran before
     */
    public void run() throws MigrationException {
        apply(new MigrationTrigger.Begin());
        Throwable failure = null;
        try {
            OutgoingStream connected = connector.connect();
            connected(connected);
            migrate(connected);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        conclude(failure);
    }

    /**
     * Undoes the migration, at any moment. Does nothing where the destination has the guest, or nothing is under way.
     */
    public void cancel() {
        apply(new MigrationTrigger.Cancel());
    }

    /**
     * Goes on with a migration that waits in {@code pre-switchover}.
     *
     * @throws ControlException if it does not wait there
     */
    public synchronized void proceed() throws ControlException {
        if (!(state instanceof MigrationState.PreSwitchover)) {
            throw new ControlException(
                    "Migration not in expected state: " + state.status().word());
        }
        apply(new MigrationTrigger.Continue());
    }

    /** {@return where it stands} */
    public MigrationState state() {
        return state;
    }

    /** {@return how it stands, for {@code query-migrate}} */
    public MigrationReport report() {
        return statistics.report(
                toldStatus, state, settings.parameters().get(), settings.clock().nanoTime());
    }

    /** {@return how long the guest stood still, once it is at the destination} */
    public Optional<Downtime> downtime() {
        return statistics.downtime();
    }

    private synchronized void connected(OutgoingStream connected) throws IOException {
        stream = connected;
        words.check();
    }

    private void migrate(OutgoingStream connected) throws IOException {
        try (DirtyLog log = machine.startDirtyLog(dirtyLogMethod())) {
            PrecopyLap lap = new PrecopyLap(machine, connected, log, settings, statistics, words);
            lap.begin();
            connected.start(words);
            statistics.setUp(settings.clock().nanoTime());
            applyUnlessOver(new MigrationTrigger.SetUp());
            lap.untilSwitchover();
            switchOver(lap, connected.hasReturnPath());
        } finally {
            machine.throttle(0);
        }
    }

    private void switchOver(PrecopyLap lap, boolean returnPath) throws IOException {
        long stopNs = settings.clock().nanoTime();
        RunStatus before = machineRun.stopForMigration();
        long stoppedNs = settings.clock().nanoTime();
        applyUnlessOver(new MigrationTrigger.GuestStopped(settings.has(MigrationCapability.PAUSE_BEFORE_SWITCHOVER)));
        awaitContinue();
        long continuedNs = settings.clock().nanoTime();
        MachineState devices = lap.last();
        long ramSentNs = settings.clock().nanoTime();
        lap.end(devices, before);
        long sentNs = settings.clock().nanoTime();
        apply(new MigrationTrigger.AllSent(returnPath));
        awaitWord();
        long endNs = settings.clock().nanoTime();
        tellTheEnd(new Downtime(
                stoppedNs - stopNs,
                continuedNs - stoppedNs,
                ramSentNs - continuedNs,
                sentNs - ramSentNs,
                endNs - sentNs));
    }

    /** The end is told when its figures are known. */
    private synchronized void tellTheEnd(@Nullable Downtime downtime) {
        if (!statistics.isEnded()) {
            statistics.ended(settings.clock().nanoTime(), downtime);
            tell();
        }
    }

    private String dirtyLogMethod() throws IOException {
        String wanted = settings.parameters().get().text(MigrationParameter.X_DIRTY_LOG);
        List<String> methods = machine.dirtyLogMethods();
        if (wanted.isEmpty()) {
            return methods.getFirst();
        }
        if (!methods.contains(wanted)) {
            throw new IOException("x-dirty-log: this machine has " + methods + ", found " + wanted);
        }
        return wanted;
    }

    private void awaitContinue() throws IOException {
        awaitWhile(() -> state instanceof MigrationState.PreSwitchover && destinationFailure == null, Long.MAX_VALUE);
        words.check();
    }

    private void awaitWord() throws IOException {
        awaitWhile(() -> state instanceof MigrationState.Device && destinationFailure == null, Long.MAX_VALUE);
        if (!(state instanceof MigrationState.Completed)) {
            words.check();
        }
    }

    private synchronized void awaitWhile(BooleanSupplier waiting, long mostMs) throws InterruptedIOException {
        long startNs = System.nanoTime();
        long leftMs = mostMs;
        try {
            while (leftMs > 0 && waiting.getAsBoolean()) {
                wait(leftMs);
                leftMs = mostMs - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while migrating");
        }
    }

    /**
     * Whatever happened: the connections are closed first, so that the state is decided when nobody speaks any more.
     */
    private void conclude(@Nullable Throwable lapFailure) throws MigrationException {
        Throwable failure = lapFailure == null ? null : explained(lapFailure);
        if (state instanceof MigrationState.Cancelling(boolean mayBeThere) && mayBeThere) {
            try {
                awaitVerdict();
            } catch (InterruptedIOException _) {
                Thread.currentThread().interrupt();
            }
        }
        closeStream(failure);
        if (state instanceof MigrationState.Cancelling) {
            apply(new MigrationTrigger.Undone());
        } else if (!(state instanceof MigrationState.Completed)) {
            apply(new MigrationTrigger.Failure(failure == null ? "no reason known" : reason(failure)));
        }
        switch (state) {
            case MigrationState.Completed _ -> tellTheEnd(null);
            case MigrationState.Failed(String error, GuestLocation guest) -> throw failed(error, guest, failure);
            case MigrationState.Cancelled _ ->
                throw failed("the migration was cancelled", GuestLocation.GUEST_AT_SOURCE, null);
            case MigrationState.Idle _,
                    MigrationState.Setup _,
                    MigrationState.Active _,
                    MigrationState.PreSwitchover _,
                    MigrationState.Device _,
                    MigrationState.Handover _,
                    MigrationState.IncomingPostcopy _,
                    MigrationState.Cancelling _ -> throw new AssertionError(state);
        }
    }

    /** Where the destination says why it failed, that counts, not that its connection could not be written to. */
    private synchronized Throwable explained(Throwable lapFailure) {
        if (lapFailure instanceof IOException && stream != null && stream.hasReturnPath()) {
            try {
                awaitWhile(this::isUndecided, REASON_WAIT_MS);
            } catch (InterruptedIOException e) {
                lapFailure.addSuppressed(e);
            }
        }
        IOException said = destinationFailure;
        if (said == null || said.equals(lapFailure)) {
            return lapFailure;
        }
        said.addSuppressed(lapFailure);
        return said;
    }

    private boolean isUndecided() {
        return destinationFailure == null
                && !(state instanceof MigrationState.Cancelling)
                && !(state instanceof MigrationState.Completed)
                && !(state instanceof MigrationState.Device(boolean _, boolean confirmed) && confirmed);
    }

    private static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null || !(failure instanceof IOException) ? failure.toString() : message;
    }

    private MigrationException failed(String error, GuestLocation guest, @Nullable Throwable cause) {
        String text = takeBackFailure == null
                ? error
                : error + "; the guest is paused, because it could not be resumed: " + takeBackFailure.getMessage();
        MigrationException failed =
                cause == null ? new MigrationException(text, guest) : new MigrationException(text, guest, cause);
        if (takeBackFailure != null) {
            failed.addSuppressed(takeBackFailure);
        }
        return failed;
    }

    private void closeStream(@Nullable Throwable failure) {
        OutgoingStream open;
        synchronized (this) {
            open = stream;
        }
        if (open == null) {
            return;
        }
        if (!(state instanceof MigrationState.Completed)) {
            open.abort();
        }
        try {
            open.close();
        } catch (IOException e) {
            if (failure != null) {
                failure.addSuppressed(e);
            }
        }
    }

    /** Where the migration is over already, that is what ends the lap. */
    private synchronized void applyUnlessOver(MigrationTrigger trigger) throws IOException {
        words.check();
        apply(trigger);
    }

    private synchronized void apply(MigrationTrigger trigger) {
        MigrationTransition transition = SourceStates.next(state, trigger);
        state = transition.state();
        for (MigrationEffect effect : transition.effects()) {
            switch (effect) {
                case TELL_STATUS -> tell();
                case CLOSE_CONNECTIONS -> {
                    if (stream != null) {
                        stream.abort();
                    }
                }
                case END_OUTPUT -> endOutput();
                case TAKE_GUEST_BACK -> takeBack();
                case GIVE_GUEST_UP -> machineRun.giveUp();
                case START_GUEST, STOP_GUEST, CONFIRM, REFUSE -> throw new AssertionError(effect);
            }
        }
        notifyAll();
    }

    private void tell() {
        MigrationStatus status = state.status();
        if (status != MigrationStatus.COMPLETED || statistics.isEnded()) {
            toldStatus = status;
            settings.tell(new MachineEvent.StatusChanged(status));
        }
    }

    /**
     * Where the destination may have everything, its word is awaited: closing now would lose it, and run two guests.
     */
    private void endOutput() {
        OutgoingStream open = stream;
        if (open == null) {
            return;
        }
        if (!open.hasReturnPath()) {
            open.abort();
            return;
        }
        // Neither here, where the lock is held, nor before the wait: it may have to wait for whoever writes.
        Thread.ofVirtual().name("end-output").start(open::endOutput);
        Thread.ofVirtual().name("cancel").start(() -> {
            try {
                awaitVerdict();
            } catch (InterruptedIOException _) {
                Thread.currentThread().interrupt();
            }
            open.abort();
        });
    }

    private void awaitVerdict() throws InterruptedIOException {
        awaitWhile(() -> state instanceof MigrationState.Cancelling && destinationFailure == null, VERDICT_WAIT_MS);
    }

    private void takeBack() {
        try {
            machineRun.takeBack();
        } catch (IOException e) {
            takeBackFailure = e;
        }
    }

    /** What the destination says, and what follows for the lap. */
    private final class Words implements ReturnPathListener, PrecopyLap.Watch {

        @Override
        public void switchoverAcknowledged() {
            synchronized (Precopy.this) {
                acknowledged = true;
                Precopy.this.notifyAll();
            }
        }

        @Override
        public void shut(int status) {
            synchronized (Precopy.this) {
                if (status != 0) {
                    end(new IOException("the destination failed, and says so with SHUT " + status));
                } else if (state instanceof MigrationState.Device || state instanceof MigrationState.Cancelling) {
                    apply(new MigrationTrigger.Confirmed());
                } else if (state.status().isUnderWay()) {
                    end(new IOException("the destination says that it has the guest before it can have it"));
                }
            }
        }

        @Override
        public void lost(IOException cause) {
            synchronized (Precopy.this) {
                end(cause);
            }
        }

        /** A destination that has given up may not read on: whoever writes to it is woken. */
        private void end(IOException failure) {
            boolean confirmed = state instanceof MigrationState.Device(boolean _, boolean word) && word;
            if (destinationFailure == null && !confirmed && state.status().isUnderWay()) {
                destinationFailure = failure;
                if (stream != null) {
                    stream.abort();
                }
                Precopy.this.notifyAll();
            }
        }

        @Override
        public void check() throws IOException {
            IOException failure = destinationFailure;
            if (failure != null) {
                throw failure;
            }
            if (state instanceof MigrationState.Cancelling) {
                throw new IOException("the migration was cancelled");
            }
        }

        @Override
        public boolean canSwitchOver() {
            return acknowledged
                    || !settings.has(MigrationCapability.SWITCHOVER_ACK)
                    || machineRun.status() != RunStatus.RUNNING;
        }

        @Override
        public void awaitAcknowledgement() throws IOException {
            awaitWhile(() -> !canSwitchOver(), ACKNOWLEDGEMENT_WAIT_MS);
        }
    }
}
