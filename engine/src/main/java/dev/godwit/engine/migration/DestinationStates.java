package dev.godwit.engine.migration;

import static dev.godwit.engine.migration.MigrationEffect.CLOSE_CONNECTIONS;
import static dev.godwit.engine.migration.MigrationEffect.CONFIRM;
import static dev.godwit.engine.migration.MigrationEffect.REFUSE;
import static dev.godwit.engine.migration.MigrationEffect.START_GUEST;
import static dev.godwit.engine.migration.MigrationEffect.STOP_GUEST;
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
import dev.godwit.engine.migration.MigrationState.SourceLink;
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
 * The states of a migration at its destination (qemu-migration specification section 7.3).
 *
 * <pre>
 *  none ──Begin──► setup ──SetUp──► active ──Loaded──► (active) ──Confirmed──► completed
 *
 *  setup, active ──Failure──► failed      the source keeps the guest, and is told so
 *  (active)      ──Failure──► failed      the source could not be told: the guest is stopped here again
 *
 *  active ──Listening──► postcopy-active ──AllReceived──► completed
 *                          │ Broken   ▲ Resumed
 *                          ▼          │
 *                        postcopy-paused ──Reconnected──► postcopy-recover
 *                                  ▲────────Broken────────────┘
 *  postcopy-* ──Loaded──► the same, and the guest is started
 *  postcopy-* before Loaded ──Failure──► failed     the guest never ran here, and the source is told so
 * </pre>
 *
 * <p>Between Loaded and Confirmed the guest is started first and the source told after: a word that cannot be written
 * has not been heard, so the source goes on with its guest. In postcopy the guest is given away with the package: from
 * Loaded on nothing but a break can happen, which keeps whoever waits for a page waiting.
 */
public final class DestinationStates {

    private DestinationStates() {}

    /**
     * {@return what follows} Has no effect of its own.
     *
     * @throws IllegalStateException if the trigger cannot happen in this state
     */
    public static MigrationTransition next(MigrationState state, MigrationTrigger trigger) {
        if (state instanceof IncomingPostcopy postcopy) {
            return postcopy(postcopy, trigger);
        }
        return switch (trigger) {
            case Begin _ when state instanceof Idle -> to(new Setup(), TELL_STATUS);
            case SetUp _ when state instanceof Setup -> to(new Active(), TELL_STATUS);
            case Loaded _ when state instanceof Active -> to(new Handover(), START_GUEST, CONFIRM);
            case Confirmed _ when state instanceof Handover -> to(new Completed(), TELL_STATUS);
            case Listening _
            when state instanceof Active -> to(new IncomingPostcopy(SourceLink.CONNECTED, false, ""), TELL_STATUS);
            case Failure(String error) -> failure(state, trigger, error);
            case Broken _ when state instanceof Failed -> to(state);
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    Loaded _,
                    Confirmed _,
                    Cancel _,
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

    private static MigrationTransition postcopy(IncomingPostcopy now, MigrationTrigger trigger) {
        SourceLink link = now.link();
        return switch (trigger) {
            case Loaded _ when !now.guestStarted() -> to(new IncomingPostcopy(link, true, now.error()), START_GUEST);
            case Failure(String error)
            when !now.guestStarted() ->
                to(new Failed(error, GuestLocation.GUEST_AT_SOURCE), REFUSE, CLOSE_CONNECTIONS, TELL_STATUS);
            case Broken(String error) ->
                link == SourceLink.BROKEN
                        ? to(now)
                        : to(
                                new IncomingPostcopy(SourceLink.BROKEN, now.guestStarted(), error),
                                CLOSE_CONNECTIONS,
                                TELL_STATUS);
            case Reconnected _
            when link == SourceLink.BROKEN ->
                to(new IncomingPostcopy(SourceLink.RECOVERING, now.guestStarted(), ""), TELL_STATUS);
            case Resumed _
            when link == SourceLink.RECOVERING ->
                to(new IncomingPostcopy(SourceLink.CONNECTED, now.guestStarted(), ""), TELL_STATUS);
            case AllReceived _
            when link == SourceLink.CONNECTED && now.guestStarted() -> to(new Completed(), CONFIRM, TELL_STATUS);
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    Loaded _,
                    Confirmed _,
                    Cancel _,
                    Undone _,
                    Failure _,
                    Listening _,
                    Reconnected _,
                    Resumed _,
                    AllReceived _,
                    HandedOver _,
                    Refused _,
                    Resume _,
                    Abandon _ -> throw impossible(now, trigger);
        };
    }

    private static MigrationTransition failure(MigrationState state, MigrationTrigger trigger, String error) {
        Failed failed = new Failed(error, GuestLocation.GUEST_AT_SOURCE);
        return switch (state) {
            case Setup _, Active _ -> to(failed, REFUSE, TELL_STATUS);
            case Handover _ -> to(failed, STOP_GUEST, REFUSE, TELL_STATUS);
            case Idle _,
                    PreSwitchover _,
                    Device _,
                    Cancelling _,
                    Cancelled _,
                    IncomingPostcopy _,
                    Completed _,
                    Failed _,
                    PostcopyActive _,
                    PostcopyPaused _,
                    PostcopyRecoverSetup _,
                    PostcopyRecover _ -> throw impossible(state, trigger);
        };
    }
}
