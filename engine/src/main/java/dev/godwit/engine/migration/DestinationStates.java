package dev.godwit.engine.migration;

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
import dev.godwit.engine.migration.MigrationState.PostcopyActive;
import dev.godwit.engine.migration.MigrationState.PostcopyPaused;
import dev.godwit.engine.migration.MigrationState.PostcopyRecover;
import dev.godwit.engine.migration.MigrationState.PostcopyRecoverSetup;
import dev.godwit.engine.migration.MigrationState.PreSwitchover;
import dev.godwit.engine.migration.MigrationState.Setup;
import dev.godwit.engine.migration.MigrationTrigger.Abandon;
import dev.godwit.engine.migration.MigrationTrigger.AllSent;
import dev.godwit.engine.migration.MigrationTrigger.Begin;
import dev.godwit.engine.migration.MigrationTrigger.Cancel;
import dev.godwit.engine.migration.MigrationTrigger.Confirmed;
import dev.godwit.engine.migration.MigrationTrigger.Continue;
import dev.godwit.engine.migration.MigrationTrigger.Failure;
import dev.godwit.engine.migration.MigrationTrigger.GuestStopped;
import dev.godwit.engine.migration.MigrationTrigger.HandedOver;
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
 * </pre>
 *
 * <p>Between Loaded and Confirmed the guest is started first and the source told after: a word that cannot be written
 * has not been heard, so the source goes on with its guest.
 */
public final class DestinationStates {

    private DestinationStates() {}

    /**
     * {@return what follows} Has no effect of its own.
     *
     * @throws IllegalStateException if the trigger cannot happen in this state
     */
    public static MigrationTransition next(MigrationState state, MigrationTrigger trigger) {
        return switch (trigger) {
            case Begin _ when state instanceof Idle -> to(new Setup(), TELL_STATUS);
            case SetUp _ when state instanceof Setup -> to(new Active(), TELL_STATUS);
            case Loaded _ when state instanceof Active -> to(new Handover(), START_GUEST, CONFIRM);
            case Confirmed _ when state instanceof Handover -> to(new Completed(), TELL_STATUS);
            case Failure(String error) -> failure(state, trigger, error);
            case Begin _,
                    SetUp _,
                    GuestStopped _,
                    Continue _,
                    AllSent _,
                    Loaded _,
                    Confirmed _,
                    Cancel _,
                    Undone _,
                    HandedOver _,
                    Refused _,
                    Resume _,
                    Reconnected _,
                    Resumed _,
                    Abandon _ -> throw impossible(state, trigger);
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
                    Completed _,
                    Failed _,
                    PostcopyActive _,
                    PostcopyPaused _,
                    PostcopyRecoverSetup _,
                    PostcopyRecover _ -> throw impossible(state, trigger);
        };
    }
}
