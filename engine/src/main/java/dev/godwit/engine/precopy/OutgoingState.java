package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.Downtime;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationEffect;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.MigrationTransition;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.migration.SourceStates;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The state of an outgoing migration, and the one place where it changes: triggers go in, and what follows is done
 * here. Thread-safe; its monitor is notified whenever something changes that is waited for.
 */
final class OutgoingState {

    /** How long a destination that may have everything has to say so, when the migration is cancelled. */
    private static final long VERDICT_WAIT_MS = 5000;

    private final MachineRun machineRun;
    private final PrecopySettings settings;
    private final LapStatistics statistics;
    private volatile MigrationState state = new MigrationState.Idle();
    private volatile MigrationStatus toldStatus = MigrationStatus.NONE;
    private volatile @Nullable IOException destinationFailure;
    private @Nullable OutgoingConnection connection;
    private @Nullable IOException takeBackFailure;

    OutgoingState(MachineRun machineRun, PrecopySettings settings, LapStatistics statistics) {
        this.machineRun = machineRun;
        this.settings = settings;
        this.statistics = statistics;
    }

    /** {@return where it stands} */
    MigrationState now() {
        return state;
    }

    MigrationReport report() {
        return statistics.report(
                toldStatus, state, settings.parameters().get(), settings.clock().nanoTime());
    }

    /** From now on this is what has to be closed. */
    synchronized void connected(OutgoingConnection made) throws IOException {
        connection = made;
        check();
    }

    /** From now on this is what has to be closed: the connection of a guest that has gone first, made anew. */
    synchronized void reconnected(OutgoingConnection made) {
        connection = made;
    }

    /** The guest has gone first; what was said of the connection before does not matter any more. */
    synchronized void handedOver() {
        destinationFailure = null;
        apply(new MigrationTrigger.HandedOver());
    }

    /** {@return what is connected now, or was last} */
    synchronized Optional<OutgoingConnection> connection() {
        return Optional.ofNullable(connection);
    }

    /**
     * Does nothing while the migration may go on.
     *
     * @throws IOException if it is to end: cancelled, or the destination has failed
     */
    void check() throws IOException {
        IOException failure = destinationFailure;
        if (failure != null) {
            throw failure;
        }
        if (state instanceof MigrationState.Cancelling) {
            throw new IOException("the migration was cancelled");
        }
    }

    /** {@return what the destination has failed of, if it has} */
    Optional<IOException> destinationFailure() {
        return Optional.ofNullable(destinationFailure);
    }

    /** The destination has given up. It may not read on: whoever writes to it is woken. The first failure counts. */
    synchronized void destinationFailed(IOException failure) {
        boolean confirmed = state instanceof MigrationState.Device(boolean _, boolean word) && word;
        if (destinationFailure == null && !confirmed && state.status().isUnderWay()) {
            destinationFailure = failure;
            if (connection != null) {
                connection.abort();
            }
            notifyAll();
        }
    }

    /** {@return why the guest could not be resumed here, if that was tried in vain} */
    synchronized Optional<IOException> takeBackFailure() {
        return Optional.ofNullable(takeBackFailure);
    }

    /** Where the migration is over already, that is what ends the lap. */
    synchronized void applyUnlessOver(MigrationTrigger trigger) throws IOException {
        check();
        apply(trigger);
    }

    synchronized void apply(MigrationTrigger trigger) {
        MigrationTransition transition = SourceStates.next(state, trigger);
        state = transition.state();
        for (MigrationEffect effect : transition.effects()) {
            switch (effect) {
                case TELL_STATUS -> tell();
                case CLOSE_CONNECTIONS -> {
                    if (connection != null) {
                        connection.abort();
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

    /** The end is told when its figures are known. */
    synchronized void tellTheEnd(@Nullable Downtime downtime) {
        if (!statistics.isEnded()) {
            statistics.ended(settings.clock().nanoTime(), downtime);
            tell();
        }
    }

    private void tell() {
        MigrationStatus status = state.status();
        if (status != MigrationStatus.COMPLETED || statistics.isEnded()) {
            toldStatus = status;
            settings.tell(new MachineEvent.StatusChanged(status));
        }
    }

    /** Ends the waits under way: something else than the state has changed. */
    synchronized void wake() {
        notifyAll();
    }

    synchronized void awaitWhile(BooleanSupplier waiting, long mostMs) throws InterruptedIOException {
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

    /** Waits while it is being cancelled and the destination may still say that it has the guest, but not for ever. */
    void awaitVerdict() throws InterruptedIOException {
        awaitWhile(() -> state instanceof MigrationState.Cancelling && destinationFailure == null, VERDICT_WAIT_MS);
    }

    /**
     * Where the destination may have everything, its word is awaited: closing now would lose it, and run two guests.
     */
    private void endOutput() {
        OutgoingConnection open = connection;
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

    private void takeBack() {
        try {
            machineRun.takeBack();
        } catch (IOException e) {
            takeBackFailure = e;
        }
    }
}
