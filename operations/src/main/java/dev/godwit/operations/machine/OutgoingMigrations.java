package dev.godwit.operations.machine;

import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The migrations of a machine away from here, and snapshots of it, one at a time: QEMU's commands for them, with its
 * words. They are begun and resumed by one thread, the machine's owner; everything else may be called by any.
 */
final class OutgoingMigrations implements Closeable {

    private static final String IN_PROGRESS = "There's a migration process in progress";

    private final Machine machine;
    private final MachineRun machineRun;
    private final MigrationSettings settings;
    private final TlsObjects tlsObjects;
    private final Optional<PostcopyRam> ram;
    private final Consumer<MachineEvent> events;
    private final Consumer<MachineEvent> eventsIfAsked;
    private volatile @Nullable Outgoing current;

    /**
     * None so far.
     *
     * @param events hears of migrations, which know themselves what to tell
     * @param eventsIfAsked hears of snapshots; passes on what is to be told
     */
    OutgoingMigrations(
            Machine machine,
            MachineRun machineRun,
            MigrationSettings settings,
            TlsObjects tlsObjects,
            Optional<PostcopyRam> ram,
            Consumer<MachineEvent> events,
            Consumer<MachineEvent> eventsIfAsked) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.settings = settings;
        this.tlsObjects = tlsObjects;
        this.ram = ram;
        this.events = events;
        this.eventsIfAsked = eventsIfAsked;
    }

    /** Waits for the thread of one that is over, and refuses while one is under way. */
    void refuseIfUnderWay() throws ControlException {
        Outgoing run = current;
        if (run != null) {
            run.awaitEndIfOver();
            if (run.status().isUnderWay()) {
                throw new ControlException(IN_PROGRESS);
            }
        }
    }

    /** {@code migrate}. */
    void begin(String uri) throws ControlException {
        Set<MigrationCapability> capabilities = settings.on();
        if (capabilities.contains(MigrationCapability.BACKGROUND_SNAPSHOT)) {
            snapshot(uri, capabilities);
            return;
        }
        if (capabilities.contains(MigrationCapability.RELEASE_RAM)
                && capabilities.contains(MigrationCapability.POSTCOPY_RAM)
                && ram.isEmpty()) {
            throw new ControlException("release-ram: the memory of this machine cannot be given back page by page");
        }
        OutgoingConnector connector = connector(uri);
        PrecopySettings told = new PrecopySettings(capabilities, settings::parameters, events, Clock.SYSTEM);
        Precopy precopy = new Precopy(machine, machineRun, connector, told);
        ram.ifPresent(precopy::releasing);
        OutgoingRun run = new OutgoingRun(precopy, connector);
        current = run;
        run.start();
    }

    private void snapshot(String uri, Set<MigrationCapability> capabilities) throws ControlException {
        MachineChannels channels = MachineChannels.outgoing(settings.parameters(), tlsObjects);
        MigrationUri checked = TransportRules.check(uri, capabilities, channels.secured());
        SnapshotConnector connector =
                new SnapshotConnector(machine, checked, channels, capabilities, settings.parameters());
        BackgroundSnapshot snapshot =
                new BackgroundSnapshot(machine, machineRun, UserfaultfdWriteTracking::start, connector, eventsIfAsked);
        SnapshotRun run = new SnapshotRun(snapshot, connector);
        current = run;
        run.start();
    }

    private OutgoingConnector connector(String uri) throws ControlException {
        MachineChannels channels = MachineChannels.outgoing(settings.parameters(), tlsObjects);
        MigrationUri checked = TransportRules.check(uri, settings.on(), channels.secured());
        return new OutgoingConnector(machine, checked, channels, settings.on(), settings::parameters);
    }

    /** {@code migrate} with {@code resume}. */
    void resume(String uri) throws ControlException {
        Outgoing run = current;
        if (!(run instanceof OutgoingRun paused) || run.status() != MigrationStatus.POSTCOPY_PAUSED) {
            throw new ControlException("Cannot resume if there is no paused migration");
        }
        paused.resume(connector(uri));
    }

    /** {@code migrate_cancel}. */
    void cancel() throws ControlException {
        Outgoing run = current;
        if (run == null) {
            return;
        }
        if (isPostcopy(run.status())) {
            throw new ControlException("Postcopy migration in progress, cannot cancel.");
        }
        run.cancel();
    }

    private static boolean isPostcopy(MigrationStatus status) {
        return switch (status) {
            case POSTCOPY_ACTIVE, POSTCOPY_PAUSED, POSTCOPY_RECOVER_SETUP, POSTCOPY_RECOVER -> true;
            case NONE, SETUP, CANCELLING, CANCELLED, ACTIVE, COMPLETED, FAILED, PRE_SWITCHOVER, DEVICE -> false;
        };
    }

    /** {@code migrate-continue}. */
    void proceed(MigrationStatus from, MigrationStatus found) throws ControlException {
        Outgoing run = current;
        if (!(run instanceof OutgoingRun waiting) || from != MigrationStatus.PRE_SWITCHOVER || run.status() != from) {
            throw new ControlException("Migration not in expected state: " + found.word());
        }
        waiting.proceed();
    }

    /**
     * {@code migrate-start-postcopy}; after the end it does nothing, since that could not be known to whoever asked.
     */
    void startPostcopy() throws ControlException {
        if (!settings.has(MigrationCapability.POSTCOPY_RAM)) {
            throw new ControlException("Enable postcopy with migrate_set_capability before the start of migration");
        }
        Outgoing run = current;
        if (!(run instanceof OutgoingRun migration)) {
            throw new ControlException("Postcopy must be started after migration has been started");
        }
        migration.startPostcopy();
    }

    /** {@code migrate-pause}. {@return false where nothing is under way here, so that it may be for somebody else} */
    boolean pause() throws ControlException {
        Outgoing run = current;
        if (!(run instanceof OutgoingRun migration) || !run.status().isUnderWay()) {
            return false;
        }
        migration.pause();
        return true;
    }

    /** {@return how the last one stands, or stood} */
    Optional<MigrationReport> report() {
        Outgoing run = current;
        return run == null ? Optional.empty() : Optional.of(run.report());
    }

    /**
     * {@return what becomes of the guest if this process ends now, where that is more than that it ends: it is at a
     * destination that has not all of it}
     */
    Optional<String> lossAtEnd() {
        Outgoing run = current;
        return run instanceof OutgoingRun migration ? migration.lossAtEnd() : Optional.empty();
    }

    /** Ends the one that is under way, whatever becomes of its guest, and waits until it has ended. */
    @Override
    public void close() {
        Outgoing run = current;
        if (run != null) {
            run.close();
        }
    }
}
