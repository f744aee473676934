package dev.godwit.engine.precopy;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.Downtime;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.engine.postcopy.PostcopyStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Optional;

/**
 * The migration of a live machine away from here: RAM is sent while the guest writes it, then the guest is stopped and
 * the rest follows; or, where that is wanted, the guest goes first and the rest of its RAM follows while it runs at the
 * destination. It ends with the guest at the destination, or going on here as it was.
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

    private final Machine machine;
    private final MachineRun machineRun;
    private final Connector connector;
    private final PrecopySettings settings;
    private final LapStatistics statistics;
    private final OutgoingState state;
    private final DestinationWords words;
    private final PostcopyPhase postcopy;

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
        this.state = new OutgoingState(machineRun, settings, statistics);
        this.words = new DestinationWords(state, machineRun, settings);
        this.postcopy = new PostcopyPhase(machine, state, settings, statistics);
    }

    /**
     * Has memory given back once it is sent in postcopy, where the capability {@code release-ram} is on; before
     * {@link #run}.
     *
     * @param ram the machine's
     */
    public Precopy releasing(PostcopyRam ram) {
        postcopy.releasing(ram);
        return this;
    }

    /**
     * Migrates. When this returns, the guest is at the destination, whole, and never runs here again.
     *
     * @throws MigrationException if it failed or was cancelled; the guest goes on here if it ran before, unless it had
     *     gone first
     */
    public void run() throws MigrationException {
        state.apply(new MigrationTrigger.Begin());
        OutgoingStream connected = null;
        Throwable failure = null;
        try {
            connected = connector.connect();
            state.connected(connected);
            migrate(connected);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        new Conclusion(state, connected).conclude(failure);
    }

    /**
     * Undoes the migration. Does nothing where the destination has the guest, or may run it, or nothing is under way.
     */
    public void cancel() {
        state.apply(new MigrationTrigger.Cancel());
    }

    /**
     * Ends the migration because this process ends: it is undone where that can be, and otherwise the guest is lost, of
     * which the destination has a part and this side the rest.
     */
    public void abandon() {
        postcopy.abandon();
        cancel();
    }

    /** {@return what {@link #abandon} would mean for the guest now, for people; empty where it would stay here} */
    public Optional<String> lossAtEnd() {
        return postcopy.lossAtEnd();
    }

    /**
     * Goes on with a migration that waits in {@code pre-switchover}.
     *
     * @throws ControlException if it does not wait there
     */
    public void proceed() throws ControlException {
        synchronized (state) {
            if (!(state.now() instanceof MigrationState.PreSwitchover)) {
                throw new ControlException("Migration not in expected state: "
                        + state.now().status().word());
            }
            state.apply(new MigrationTrigger.Continue());
        }
    }

    /**
     * Lets the guest go first as soon as it can, unless the rest of RAM can follow at once. For migrations with the
     * capability {@code postcopy-ram}.
     */
    public void startPostcopy() {
        words.wantPostcopy();
    }

    /**
     * Breaks the connections of a postcopy, which then waits to be resumed.
     *
     * @throws ControlException if no postcopy is connected
     */
    public void pause() throws ControlException {
        postcopy.pause();
    }

    /**
     * Resumes a postcopy that waits because its connection was lost.
     *
     * @param reconnector connects again
     * @throws ControlException if it does not wait, or cannot be resumed
     */
    public void resume(PostcopyReconnector reconnector) throws ControlException {
        postcopy.resume(reconnector);
    }

    /** {@return where it stands} */
    public MigrationState state() {
        return state.now();
    }

    /** {@return how it stands, for {@code query-migrate}} */
    public MigrationReport report() {
        return state.report();
    }

    /** {@return how long the guest stood still, once it is at the destination} */
    public Optional<Downtime> downtime() {
        return statistics.downtime();
    }

    private void migrate(OutgoingStream connected) throws IOException {
        try (DirtyLog log = machine.startDirtyLog(dirtyLogMethod())) {
            try {
                precopy(connected, log);
            } finally {
                machine.throttle(0);
            }
            if (postcopy.hasBegun()) {
                postcopy(log);
            }
        }
    }

    private void precopy(OutgoingStream connected, DirtyLog log) throws IOException {
        PrecopyLap lap = new PrecopyLap(machine, connected, log, settings, statistics, words);
        lap.begin();
        connected.start(words);
        statistics.setUp(settings.clock().nanoTime());
        state.applyUnlessOver(new MigrationTrigger.SetUp());
        switch (lap.untilSwitchover()) {
            case RAM_FIRST -> switchOver(lap, connected.hasReturnPath());
            case GUEST_FIRST -> {
                lap.prepareHandOver();
                handOver(lap);
            }
        }
    }

    private void postcopy(DirtyLog log) throws InterruptedIOException {
        try {
            postcopy.run(log);
        } catch (InterruptedIOException e) {
            postcopy.abandon();
            throw e;
        }
    }

    private void switchOver(PrecopyLap lap, boolean returnPath) throws IOException {
        Stop stop = stop();
        MachineState devices = lap.last();
        long ramSentNs = settings.clock().nanoTime();
        lap.end(devices, stop.before);
        long sentNs = settings.clock().nanoTime();
        state.apply(new MigrationTrigger.AllSent(returnPath));
        awaitWord();
        long endNs = settings.clock().nanoTime();
        state.tellTheEnd(stop.downtime(ramSentNs, sentNs, endNs));
    }

    private void handOver(PrecopyLap lap) throws IOException {
        Stop stop = stop();
        PrecopyLap.Rest rest = lap.rest();
        long restNs = settings.clock().nanoTime();
        PostcopyStream stream = lap.handOver(postcopy.firstWork(rest), rest.devices(), stop.before);
        long sentNs = settings.clock().nanoTime();
        statistics.handedOver(
                stop.downtime(restNs, sentNs, sentNs), sentNs, postcopy.counters(), postcopy::remainingBytes);
        postcopy.begin(stream);
    }

    /** How the guest was before it was stopped, and when what happened. */
    private record Stop(RunStatus before, long stopNs, long stoppedNs, long continuedNs) {

        Downtime downtime(long ramNs, long sentNs, long endNs) {
            return new Downtime(
                    stoppedNs - stopNs, continuedNs - stoppedNs, ramNs - continuedNs, sentNs - ramNs, endNs - sentNs);
        }
    }

    private Stop stop() throws IOException {
        long stopNs = settings.clock().nanoTime();
        RunStatus before = machineRun.stopForMigration();
        long stoppedNs = settings.clock().nanoTime();
        state.applyUnlessOver(
                new MigrationTrigger.GuestStopped(settings.has(MigrationCapability.PAUSE_BEFORE_SWITCHOVER)));
        awaitContinue();
        return new Stop(before, stopNs, stoppedNs, settings.clock().nanoTime());
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
        awaitWhile(MigrationState.PreSwitchover.class);
        state.check();
    }

    private void awaitWord() throws IOException {
        awaitWhile(MigrationState.Device.class);
        if (!(state.now() instanceof MigrationState.Completed)) {
            state.check();
        }
    }

    private void awaitWhile(Class<? extends MigrationState> kind) throws IOException {
        state.awaitWhile(
                () -> kind.isInstance(state.now()) && state.destinationFailure().isEmpty(), Long.MAX_VALUE);
    }
}
