package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.DirtyRateReport;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineIdentity;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qmp.server.QmpCommand;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * A machine in this process with everything that can be done to it: it runs, is stopped, migrates away, and takes a
 * guest that migrates here.
 *
 * <p>Commands may be given by any thread; one owner thread carries them out in order. What only asks does not wait for
 * it. An outgoing or incoming migration has a thread of its own.
 */
public final class GuestHost implements MachineControl, Closeable {

    private static final String IN_PROGRESS = "There's a migration process in progress";

    private static final String GUEST_SHUTDOWN = "guest-shutdown";

    private final Machine machine;
    private final Optional<String> name;
    private final MachineEvents events = new MachineEvents();
    private final MachineRun machineRun;
    private final OwnerThread owner = new OwnerThread();
    private final MigrationSettings settings;
    private final TlsObjects tlsObjects = new TlsObjects();
    private final DirtyRateMeasurement dirtyRate;
    private final CompletableFuture<MachineEnd> end = new CompletableFuture<>();
    private final OutgoingMigrations outgoing;
    private final IncomingMigrations incoming;
    private volatile Consumer<MigrationRehearsal.Way> whenMigrationIsExpected = _ -> {};

    /** A host as the other one, of a machine whose guest cannot come by postcopy. */
    public GuestHost(Machine machine, Optional<String> name, boolean waitsForMigration) {
        this(machine, name, waitsForMigration, Optional.empty());
    }

    /**
     * A host of a machine that is paused.
     *
     * @param machine belongs to the host from now on
     * @param name what its user calls it
     * @param waitsForMigration whether its guest comes by a migration; otherwise {@link #cont} starts it
     * @param postcopyRam its RAM, where it can be brought and given back page by page
     */
    public GuestHost(
            Machine machine, Optional<String> name, boolean waitsForMigration, Optional<PostcopyRam> postcopyRam) {
        this.machine = machine;
        this.name = name;
        this.machineRun =
                new MachineRun(machine, waitsForMigration ? RunStatus.INMIGRATE : RunStatus.PRELAUNCH, events);
        this.settings = new MigrationSettings(machine);
        this.outgoing = new OutgoingMigrations(
                machine, machineRun, settings, tlsObjects, postcopyRam, events, this::tellIfAsked);
        this.incoming =
                new IncomingMigrations(machine, machineRun, settings, tlsObjects, postcopyRam, this::tellIfAsked);
        this.dirtyRate = new DirtyRateMeasurement(machine);
    }

    /**
     * Has something done when a migration is likely to come, and has not begun: when a capability is switched on, the
     * method of multifd is said, or an incoming migration is to be waited for. The command that says so waits for it.
     */
    void whenMigrationIsExpected(Consumer<MigrationRehearsal.Way> preparation) {
        whenMigrationIsExpected = preparation;
    }

    /** A migration is likely to come, with the settings as they are now. */
    void expectMigration() {
        MigrationRehearsal.Way.of(settings).ifPresent(whenMigrationIsExpected);
    }

    /** {@return the commands by which its TLS credentials are named} */
    List<QmpCommand> tlsCommands() {
        return tlsObjects.commands();
    }

    /** {@return how the machine's run ends, when it does; {@link #close} is still to be called then} */
    public CompletableFuture<MachineEnd> end() {
        return end.copy();
    }

    @Override
    public MachineIdentity identity() {
        return new MachineIdentity(machine.type(), name, machine.uuid());
    }

    @Override
    public RunStatus runStatus() {
        return machineRun.status();
    }

    @Override
    public void stop() throws ControlException {
        owner.run(() -> {
            incoming.refuseIfStalled();
            try {
                machineRun.stop();
            } catch (IOException e) {
                throw new ControlException("the guest cannot be stopped: " + e.getMessage(), e);
            }
        });
    }

    @Override
    public void cont() throws ControlException {
        owner.run(() -> {
            if (machineRun.status() == RunStatus.FINISH_MIGRATE) {
                throw new ControlException("Migration is not finalized yet");
            }
            try {
                machineRun.cont();
            } catch (IOException e) {
                throw new ControlException("the guest cannot run: " + e.getMessage(), e);
            }
        });
    }

    @Override
    public void quit() {
        quit("host-qmp-quit");
    }

    /** Ends the machine; returns at once. */
    public void quit(String reason) {
        if (!end.isDone()) {
            events.accept(new MachineEvent.ShutDown(false, reason));
            end.complete(outgoing.lossAtEnd()
                    .<MachineEnd>map(MachineEnd.GuestLost::new)
                    .orElseGet(() -> new MachineEnd.Quit(reason)));
        }
    }

    /**
     * The guest has ended by itself.
     *
     * @param status {@code SHUTDOWN}: the machine ends too; {@code INTERNAL_ERROR}: it stays, for whoever looks into it
     */
    void guestEnded(RunStatus status) {
        machineRun.ended(status);
        if (status == RunStatus.SHUTDOWN && !end.isDone()) {
            events.accept(new MachineEvent.ShutDown(true, GUEST_SHUTDOWN));
            end.complete(new MachineEnd.Quit(GUEST_SHUTDOWN));
        }
    }

    /** Something that is done to the machine while it stands still. */
    public interface WhilePaused<T> {
        /** Does it. */
        T with(Machine paused) throws ControlException;
    }

    /**
     * Stops the guest for a moment, and lets it go on if it ran.
     *
     * @throws ControlException if it is being migrated, is not here, or cannot be stopped
     */
    public <T> T whilePaused(WhilePaused<T> work) throws ControlException {
        return owner.call(() -> {
            refuseIfUnderWay();
            RunStatus before = machineRun.status();
            if (before == RunStatus.INMIGRATE || before == RunStatus.POSTMIGRATE) {
                throw new ControlException("the guest is not here: the run state is " + before.word());
            }
            try {
                machineRun.stop();
                try {
                    return work.with(machine);
                } finally {
                    if (before == RunStatus.RUNNING) {
                        machineRun.cont();
                    }
                }
            } catch (IOException e) {
                throw new ControlException("the guest cannot be stopped or cannot go on: " + e.getMessage(), e);
            }
        });
    }

    @Override
    public Map<MigrationCapability, Boolean> capabilities() {
        return settings.capabilities();
    }

    @Override
    public void setCapabilities(Map<MigrationCapability, Boolean> changes) throws ControlException {
        owner.run(() -> {
            refuseIfUnderWay();
            if (changes.getOrDefault(MigrationCapability.POSTCOPY_RAM, false)
                    && machineRun.status() == RunStatus.INMIGRATE) {
                incoming.refuseWithoutPostcopy();
            }
            settings.change(changes);
            if (changes.containsValue(true)) {
                expectMigration();
            }
        });
    }

    @Override
    public MigrationParameters parameters() {
        return settings.parameters();
    }

    @Override
    public void setParameters(Map<MigrationParameter, Object> changes) throws ControlException {
        owner.run(() -> {
            settings.changeParameters(changes);
            if (changes.containsKey(MigrationParameter.MULTIFD_COMPRESSION)) {
                prepareCompression();
                expectMigration();
            }
        });
    }

    private void prepareCompression() throws ControlException {
        String method = settings.parameters().text(MigrationParameter.MULTIFD_COMPRESSION);
        try {
            MultifdMethod.ofName(method).ifPresent(MultifdMethod::prepare);
        } catch (LinkageError e) {
            settings.changeParameters(Map.of(MigrationParameter.MULTIFD_COMPRESSION, "none"));
            throw new ControlException(
                    "multifd-compression %s cannot be used here, and is none now: %s".formatted(method, e));
        }
    }

    private void refuseIfUnderWay() throws ControlException {
        outgoing.refuseIfUnderWay();
        if (incoming.hasBegun()) {
            throw new ControlException(IN_PROGRESS);
        }
    }

    @Override
    public void migrate(String uri, boolean resume) throws ControlException {
        owner.run(() -> {
            if (resume) {
                outgoing.resume(uri);
                return;
            }
            refuseIfUnderWay();
            refuseIfNotHere();
            if (dirtyRate.usesDirtyLog()) {
                throw new ControlException("the dirty rate is being measured with the dirty log, which a migration"
                        + " needs; try again when it is measured");
            }
            settings.checkTogether();
            outgoing.begin(uri);
        });
    }

    private void refuseIfNotHere() throws ControlException {
        RunStatus status = machineRun.status();
        switch (status) {
            case INMIGRATE -> throw new ControlException("Guest is waiting for an incoming migration");
            case POSTMIGRATE ->
                throw new ControlException("Can't migrate the vm that was paused due to previous migration");
            case INTERNAL_ERROR, SHUTDOWN ->
                throw new ControlException("there is no guest to migrate: the run state is " + status.word());
            case PRELAUNCH, RUNNING, PAUSED, FINISH_MIGRATE -> {}
        }
    }

    @Override
    public void migrateIncoming(String uri, boolean exitOnError) throws ControlException {
        owner.run(() -> {
            expectMigration();
            incoming.begin(uri, error -> incomingEnded(error, exitOnError));
        });
    }

    /**
     * Loads the guest from a file; returns when it runs, whether all of its memory is here or not.
     *
     * @throws ControlException if it cannot be loaded; this machine does not run it
     */
    void load(LoadOptions options) throws ControlException {
        owner.run(() -> incoming.load(options));
    }

    private void tellIfAsked(MachineEvent event) {
        if (settings.has(MigrationCapability.EVENTS)) {
            events.accept(event);
        }
    }

    private void incomingEnded(Optional<String> error, boolean exitOnError) {
        if (error.isPresent() && exitOnError) {
            end.complete(new MachineEnd.IncomingFailed(error.get()));
        }
    }

    /** Does not wait for the owner: a cancellation is not to stand in line. */
    @Override
    public void migrateCancel() throws ControlException {
        outgoing.cancel();
    }

    @Override
    public void migrateContinue(MigrationStatus from) throws ControlException {
        owner.run(() -> outgoing.proceed(from, migration().status()));
    }

    @Override
    public void migrateStartPostcopy() throws ControlException {
        outgoing.startPostcopy();
    }

    /** Does not wait for the owner: it is to help where something hangs, the owner too, who may wait for a page. */
    @Override
    public void migratePause() throws ControlException {
        if (!outgoing.pause() && !incoming.pause()) {
            throw new ControlException(
                    "migrate-pause is currently only supported during postcopy-active or postcopy-recover state");
        }
    }

    /** Does not wait for the owner either. */
    @Override
    public void migrateRecover(String uri) throws ControlException {
        incoming.recover(uri);
    }

    @Override
    public MigrationReport migration() {
        return outgoing.report().orElseGet(incoming::report);
    }

    @Override
    public void calcDirtyRate(long calcTimeMs, Optional<String> mode, OptionalLong samplePages)
            throws ControlException {
        owner.run(() -> {
            if (machineRun.status() == RunStatus.INMIGRATE) {
                throw new ControlException("Guest is waiting for an incoming migration");
            }
            if (incoming.isUnderWay()) {
                throw new ControlException(IN_PROGRESS); // pages may be missing that it would read
            }
            if (mode.isPresent() && mode.get().equals("dirty-bitmap")) {
                refuseIfUnderWay();
            }
            dirtyRate.begin(calcTimeMs, mode, samplePages);
        });
    }

    @Override
    public DirtyRateReport dirtyRate() {
        return dirtyRate.report();
    }

    @Override
    public Subscription subscribe(Consumer<MachineEvent> listener) {
        return events.subscribe(listener);
    }

    /**
     * Ends the machine: a migration under way is cancelled, and waited for, then the machine is closed. A guest that
     * waits for pages of a postcopy is lost with it.
     *
     * @throws IOException if the machine cannot be closed
     */
    @Override
    public void close() throws IOException {
        owner.close();
        outgoing.close();
        try {
            incoming.close();
        } finally {
            dirtyRate.close();
            machine.close();
        }
    }
}
