package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.migration.RunStatus;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;

/** What the destination of a precopy says, and what follows for the lap. Thread-safe. */
final class DestinationWords implements ReturnPathListener, PrecopyLap.Watch {

    /** How long an idle lap waits for the destination's leave before it looks around again. */
    private static final long ACKNOWLEDGEMENT_WAIT_MS = 10;

    private final OutgoingState state;
    private final MachineRun machineRun;
    private final PrecopySettings settings;
    private volatile boolean acknowledged;
    private final CountDownLatch postcopyWanted = new CountDownLatch(1);

    DestinationWords(OutgoingState state, MachineRun machineRun, PrecopySettings settings) {
        this.state = state;
        this.machineRun = machineRun;
        this.settings = settings;
    }

    @Override
    public void switchoverAcknowledged() {
        acknowledged = true;
        state.wake();
    }

    @Override
    public void shut(int status) {
        synchronized (state) {
            if (status != 0) {
                state.destinationFailed(new IOException("the destination failed, and says so with SHUT " + status));
            } else if (state.now() instanceof MigrationState.Device
                    || state.now() instanceof MigrationState.Cancelling) {
                state.apply(new MigrationTrigger.Confirmed());
            } else if (state.now().status().isUnderWay()) {
                state.destinationFailed(
                        new IOException("the destination says that it has the guest before it can have it"));
            }
        }
    }

    @Override
    public void lost(IOException cause) {
        state.destinationFailed(cause);
    }

    @Override
    public void check() throws IOException {
        state.check();
    }

    @Override
    public boolean canSwitchOver() {
        return acknowledged
                || !settings.has(MigrationCapability.SWITCHOVER_ACK)
                || machineRun.status() != RunStatus.RUNNING;
    }

    @Override
    public void awaitAcknowledgement() throws IOException {
        state.awaitWhile(() -> !canSwitchOver(), ACKNOWLEDGEMENT_WAIT_MS);
    }

    /** The guest may go first from now on. */
    void wantPostcopy() {
        postcopyWanted.countDown();
    }

    @Override
    public boolean wantsPostcopy() {
        return postcopyWanted.getCount() == 0;
    }

    @Override
    public void pause(long ns) throws InterruptedException {
        if (canSwitchOver()) {
            settings.clock().sleep(ns, postcopyWanted);
        } else {
            settings.clock().sleep(ns);
        }
    }
}
