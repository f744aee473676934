package dev.godwit.engine.precopy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationTrigger;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The end of an outgoing migration, however it ends: the connections are closed first, so that the guest's fate is
 * decided when nobody speaks any more. Owned by the migration's thread.
 */
final class Conclusion {

    /** How long to wait for the destination to say why its connection cannot be written to. */
    private static final long REASON_WAIT_MS = 1000;

    private final OutgoingState state;
    private final @Nullable OutgoingStream stream;

    /**
     * The end of a migration.
     *
     * @param stream is closed; null where nothing was ever connected
     */
    Conclusion(OutgoingState state, @Nullable OutgoingStream stream) {
        this.state = state;
        this.stream = stream;
    }

    /**
     * Concludes it.
     *
     * @param lapFailure what ended it early, null where nothing did
     * @throws MigrationException if the guest is not at the destination
     */
    void conclude(@Nullable Throwable lapFailure) throws MigrationException {
        Throwable failure = lapFailure == null ? null : explained(lapFailure);
        if (state.now() instanceof MigrationState.Cancelling(boolean mayBeThere) && mayBeThere) {
            try {
                state.awaitVerdict();
            } catch (InterruptedIOException _) {
                Thread.currentThread().interrupt();
            }
        }
        close(failure);
        if (state.now() instanceof MigrationState.Cancelling) {
            state.apply(new MigrationTrigger.Undone());
        } else if (state.now().status().isUnderWay()) {
            state.apply(new MigrationTrigger.Failure(failure == null ? "no reason known" : reason(failure)));
        }
        switch (state.now()) {
            case MigrationState.Completed _ -> state.tellTheEnd(null);
            case MigrationState.Failed(String error, GuestLocation guest) -> throw failed(error, guest, failure);
            case MigrationState.Cancelled _ ->
                throw failed("the migration was cancelled", GuestLocation.GUEST_AT_SOURCE, null);
            case MigrationState.Idle _,
                    MigrationState.Setup _,
                    MigrationState.Active _,
                    MigrationState.PreSwitchover _,
                    MigrationState.Device _,
                    MigrationState.PostcopyActive _,
                    MigrationState.PostcopyPaused _,
                    MigrationState.PostcopyRecoverSetup _,
                    MigrationState.PostcopyRecover _,
                    MigrationState.Handover _,
                    MigrationState.IncomingPostcopy _,
                    MigrationState.Cancelling _ -> throw new AssertionError(state.now());
        }
    }

    /** Where the destination says why it failed, that counts, not that its connection could not be written to. */
    private Throwable explained(Throwable lapFailure) {
        if (lapFailure instanceof IOException && stream != null && stream.hasReturnPath()) {
            try {
                state.awaitWhile(this::isUndecided, REASON_WAIT_MS);
            } catch (InterruptedIOException e) {
                lapFailure.addSuppressed(e);
            }
        }
        Optional<IOException> said = state.destinationFailure();
        if (said.isEmpty() || said.get().equals(lapFailure)) {
            return lapFailure;
        }
        said.get().addSuppressed(lapFailure);
        return said.get();
    }

    private boolean isUndecided() {
        return state.destinationFailure().isEmpty()
                && !(state.now() instanceof MigrationState.Cancelling)
                && state.now().status().isUnderWay()
                && !(state.now() instanceof MigrationState.Device(boolean _, boolean confirmed) && confirmed);
    }

    /** {@return what a failure says for people} */
    static String reason(Throwable failure) {
        String message = failure.getMessage();
        return message == null || !(failure instanceof IOException) ? failure.toString() : message;
    }

    private MigrationException failed(String error, GuestLocation guest, @Nullable Throwable cause) {
        Optional<IOException> takeBackFailure = state.takeBackFailure();
        String text = takeBackFailure.isEmpty()
                ? error
                : error + "; the guest is paused, because it could not be resumed: "
                        + takeBackFailure.get().getMessage();
        MigrationException failed =
                cause == null ? new MigrationException(text, guest) : new MigrationException(text, guest, cause);
        takeBackFailure.ifPresent(failed::addSuppressed);
        return failed;
    }

    private void close(@Nullable Throwable failure) {
        if (stream == null) {
            return;
        }
        if (!(state.now() instanceof MigrationState.Completed)) {
            stream.abort();
        }
        try {
            stream.close();
        } catch (IOException e) {
            if (failure != null) {
                failure.addSuppressed(e);
            }
        }
    }
}
