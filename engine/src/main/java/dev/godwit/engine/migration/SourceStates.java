package dev.godwit.engine.migration;

import static dev.godwit.engine.migration.MigrationEffect.CLOSE_CONNECTIONS;
import static dev.godwit.engine.migration.MigrationEffect.END_OUTPUT;
import static dev.godwit.engine.migration.MigrationEffect.GIVE_GUEST_UP;
import static dev.godwit.engine.migration.MigrationEffect.TAKE_GUEST_BACK;
import static dev.godwit.engine.migration.MigrationEffect.TELL_STATUS;
import static dev.godwit.engine.migration.MigrationTransition.impossible;
import static dev.godwit.engine.migration.MigrationTransition.to;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.migration.MigrationState.Active;
import dev.godwit.engine.migration.MigrationState.Cancelled;
import dev.godwit.engine.migration.MigrationState.Cancelling;
import dev.godwit.engine.migration.MigrationState.Completed;
import dev.godwit.engine.migration.MigrationState.Device;
import dev.godwit.engine.migration.MigrationState.Failed;
import dev.godwit.engine.migration.MigrationState.Handover;
import dev.godwit.engine.migration.MigrationState.Idle;
import dev.godwit.engine.migration.MigrationState.IncomingPostcopy;
import dev.godwit.engine.migration.MigrationState.PostcopyActive;
import dev.godwit.engine.migration.MigrationState.PostcopyPaused;
import dev.godwit.engine.migration.MigrationState.PostcopyRecover;
import dev.godwit.engine.migration.MigrationState.PostcopyRecoverSetup;
import dev.godwit.engine.migration.MigrationState.PreSwitchover;
import dev.godwit.engine.migration.MigrationState.Setup;
import dev.godwit.engine.migration.MigrationTrigger.Abandon;
import dev.godwit.engine.migration.MigrationTrigger.AllReceived;
import dev.godwit.engine.migration.MigrationTrigger.AllSent;
import dev.godwit.engine.migration.MigrationTrigger.Begin;
import dev.godwit.engine.migration.MigrationTrigger.Broken;
import dev.godwit.engine.migration.MigrationTrigger.Cancel;
import dev.godwit.engine.migration.MigrationTrigger.Confirmed;
import dev.godwit.engine.migration.MigrationTrigger.Continue;
import dev.godwit.engine.migration.MigrationTrigger.Failure;
import dev.godwit.engine.migration.MigrationTrigger.GuestStopped;
import dev.godwit.engine.migration.MigrationTrigger.HandedOver;
import dev.godwit.engine.migration.MigrationTrigger.Listening;
import dev.godwit.engine.migration.MigrationTrigger.Loaded;
import dev.godwit.engine.migration.MigrationTrigger.Reconnected;
import dev.godwit.engine.migration.MigrationTrigger.Refused;
import dev.godwit.engine.migration.MigrationTrigger.Resume;
import dev.godwit.engine.migration.MigrationTrigger.Resumed;
import dev.godwit.engine.migration.MigrationTrigger.SetUp;
import dev.godwit.engine.migration.MigrationTrigger.Undone;

/**
 * The states of a migration at its source (qemu-migration specification section 7.3).
 *
 * <pre>
 *  none, completed, failed, cancelled
 *     │ Begin
 *   setup ──SetUp──► active ──GuestStopped──► device ──AllSent, no return path──► completed
 *                      │ GuestStopped(pauses)     ▲  ├──AllSent and Confirmed─────────►
 *                      ▼                        │  │
 *                 pre-switchover ───Continue────┘  │
 *
 *  setup, active, pre-switchover, device ──Failure──► failed          the guest goes on here
 *                                        ──Cancel───► cancelling ──Undone──► cancelled
 *
 *  device ──HandedOver──► postcopy-active ──Confirmed──► completed
 *                           │ Failure  ▲ Resumed
 *                           ▼          │
 *                         postcopy-paused ──Resume──► postcopy-recover-setup ──Reconnected──► postcopy-recover
 *                                    ▲──────Failure──────────┴───────────────────────────────────┘
 *  postcopy-active ──Refused──► failed          the guest goes on here: it never ran there
 *  postcopy-*      ──Abandon──► failed          the guest is lost
 * </pre>
 *
 * <p>From HandedOver on the guest runs at the destination, as far as can be known here, and is not taken back: whatever
 * fails pauses the migration, and this side keeps the pages. Only a destination that says that it failed before it let
 * the guest run gives it back. A HandedOver that meets a cancellation was written too late to be undone.
 *
 * <p>In precopy the guest is never taken back once the destination may run it: with a return path from its word on,
 * without one from the last byte on. So a Confirmed that meets a cancellation of the last stage completes the
 * migration, as do a last byte without a return path, and a failure after the word. A cancellation of the last stage
 * therefore does not close the connection, as QEMU does, but ends what is sent: the destination then says what became
 * of it. A connection that is lost after the last byte and before the word is a failure, as in QEMU (section 3.5).
 */
public final class SourceStates {

    private static final String LOST_AT_THE_END =
            "everything had been sent, but the destination did not say that it has"
                    + " the guest, which goes on at the source; make sure that it does not run at the destination too: ";

    private SourceStates() {}

    /**
     * {@return what follows} Has no effect of its own.
     *
     * @throws IllegalStateException if the trigger cannot happen in this state
     */
    public static MigrationTransition next(MigrationState state, MigrationTrigger trigger) {
        return switch (state) {
            case Idle _, Completed _, Cancelled _, Failed _ -> atRest(state, trigger);
            case Setup _ -> trigger instanceof SetUp ? to(new Active(), TELL_STATUS) : underWay(state, trigger);
            case Active _ ->
                trigger instanceof GuestStopped(boolean pauses)
                        ? to(pauses ? new PreSwitchover() : new Device(false, false), TELL_STATUS)
                        : underWay(state, trigger);
            case PreSwitchover _ ->
                trigger instanceof Continue ? to(new Device(false, false), TELL_STATUS) : underWay(state, trigger);
            case Device device -> device(device, trigger);
            case Cancelling cancelling -> cancelling(cancelling, trigger);
            case PostcopyActive _, PostcopyPaused _, PostcopyRecoverSetup _, PostcopyRecover _ ->
                postcopy(state, trigger);
            case Handover _, IncomingPostcopy _ -> throw impossible(state, trigger);
        };
    }

    private static MigrationTransition atRest(MigrationState state, MigrationTrigger trigger) {
        return switch (trigger) {
            case Begin _ -> to(new Setup(), TELL_STATUS);
            case Cancel _, Confirmed _ -> to(state);
            case SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    Loaded _,
                    Undone _,
                    Failure _,
                    Listening _,
                    Broken _,
                    Reconnected _,
                    Resumed _,
                    AllReceived _,
                    HandedOver _,
                    Refused _,
                    Resume _,
                    Abandon _ -> throw impossible(state, trigger);
        };
    }

    private static MigrationTransition underWay(MigrationState state, MigrationTrigger trigger) {
        return switch (trigger) {
            case Cancel _ -> to(new Cancelling(false), TELL_STATUS, CLOSE_CONNECTIONS);
            case Failure(String error) -> failed(error);
            case Confirmed _ -> failed("the destination said that it has the guest before it can have it");
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    Loaded _,
                    Undone _,
                    Listening _,
                    Broken _,
                    Reconnected _,
                    Resumed _,
                    AllReceived _,
                    HandedOver _,
                    Refused _,
                    Resume _,
                    Abandon _ -> throw impossible(state, trigger);
        };
    }

    private static MigrationTransition device(Device device, MigrationTrigger trigger) {
        return switch (trigger) {
            case AllSent(boolean returnPath) ->
                !returnPath || device.confirmed() ? completed() : to(new Device(true, false));
            case Confirmed _ -> device.allSent() ? completed() : to(new Device(false, true));
            case Cancel _ -> device.confirmed() ? to(device) : to(new Cancelling(true), TELL_STATUS, END_OUTPUT);
            case Failure(String error) -> {
                if (device.confirmed()) {
                    yield completed();
                }
                yield failed(device.allSent() ? LOST_AT_THE_END + error : error);
            }
            case HandedOver _ -> handedOver();
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    Loaded _,
                    Undone _,
                    Listening _,
                    Broken _,
                    Reconnected _,
                    Resumed _,
                    AllReceived _,
                    Refused _,
                    Resume _,
                    Abandon _ -> throw impossible(device, trigger);
        };
    }

    private static MigrationTransition cancelling(Cancelling cancelling, MigrationTrigger trigger) {
        return switch (trigger) {
            case Undone _ -> to(new Cancelled(), TAKE_GUEST_BACK, TELL_STATUS);
            case Confirmed _ -> cancelling.mayBeThere() ? completed() : to(cancelling);
            case AllSent(boolean returnPath) -> returnPath ? to(cancelling) : completed();
            case SetUp _, GuestStopped _, Continue _, Cancel _, Failure _ -> to(cancelling);
            case HandedOver _ -> handedOver();
            case Begin _,
                    Loaded _,
                    Listening _,
                    Broken _,
                    AllReceived _,
                    Refused _,
                    Resume _,
                    Reconnected _,
                    Resumed _,
                    Abandon _ -> throw impossible(cancelling, trigger);
        };
    }

    private static MigrationTransition postcopy(MigrationState state, MigrationTrigger trigger) {
        return switch (trigger) {
            case Cancel _ -> to(state);
            case Abandon(String error) ->
                to(new Failed(error, GuestLocation.GUEST_LOST), CLOSE_CONNECTIONS, TELL_STATUS);
            case Failure(String error) ->
                state instanceof PostcopyPaused
                        ? to(state)
                        : to(new PostcopyPaused(error), CLOSE_CONNECTIONS, TELL_STATUS);
            case Confirmed _ when state instanceof PostcopyActive -> completed();
            case Refused(String error) when state instanceof PostcopyActive -> failed(error);
            case Resume _ when state instanceof PostcopyPaused -> to(new PostcopyRecoverSetup(), TELL_STATUS);
            case Reconnected _ when state instanceof PostcopyRecoverSetup -> to(new PostcopyRecover(), TELL_STATUS);
            case Resumed _ when state instanceof PostcopyRecover -> to(new PostcopyActive(), TELL_STATUS);
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    HandedOver _,
                    Refused _,
                    Resume _,
                    Reconnected _,
                    Resumed _,
                    Loaded _,
                    Confirmed _,
                    Listening _,
                    Broken _,
                    AllReceived _,
                    Undone _ -> throw impossible(state, trigger);
        };
    }

    private static MigrationTransition handedOver() {
        return to(new PostcopyActive(), TELL_STATUS);
    }

    private static MigrationTransition completed() {
        return to(new Completed(), GIVE_GUEST_UP, TELL_STATUS);
    }

    private static MigrationTransition failed(String error) {
        return to(new Failed(error, GuestLocation.GUEST_AT_SOURCE), CLOSE_CONNECTIONS, TAKE_GUEST_BACK, TELL_STATUS);
    }
}
