package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The one guest that comes to a machine, by a migration or from a file. Commands are given by the machine's owner
 * thread, but for {@link #pause}, {@link #recover} and what only asks, which any thread may call.
 */
final class IncomingMigrations {

    private static final Set<MigrationStatus> MAY_PAUSE =
            Set.of(MigrationStatus.POSTCOPY_ACTIVE, MigrationStatus.POSTCOPY_RECOVER);

    private final Machine machine;
    private final MachineRun machineRun;
    private final MigrationSettings settings;
    private final TlsObjects tlsObjects;
    private final Optional<PostcopyRam> postcopyRam;
    private final Consumer<MachineEvent> events;
    private volatile @Nullable IncomingGuest guest;

    /**
     * None yet.
     *
     * @param postcopyRam the machine's RAM, where it can be brought page by page
     * @param events hears what happens
     */
    IncomingMigrations(
            Machine machine,
            MachineRun machineRun,
            MigrationSettings settings,
            TlsObjects tlsObjects,
            Optional<PostcopyRam> postcopyRam,
            Consumer<MachineEvent> events) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.settings = settings;
        this.tlsObjects = tlsObjects;
        this.postcopyRam = postcopyRam;
        this.events = events;
    }

    /** Refuses a machine whose memory cannot be brought on demand. */
    void refuseWithoutPostcopy() throws ControlException {
        if (postcopyRam.isEmpty()) {
            throw new ControlException(
                    "Postcopy is not supported: the memory of this machine cannot be brought on demand");
        }
        List<String> refusals = postcopyRam.get().refusals();
        if (!refusals.isEmpty()) {
            throw new ControlException("Postcopy is not supported: " + String.join("; ", refusals));
        }
    }

    /** A vCPU that waits for a page that cannot be had does not stop. */
    void refuseIfStalled() throws ControlException {
        IncomingGuest in = guest;
        if (in instanceof LoadRun && in.status() == MigrationStatus.POSTCOPY_PAUSED) {
            throw new ControlException("vCPUs of the guest may wait for a page that cannot be had: "
                    + in.report().errorDescription().orElse("no reason known"));
        }
    }

    /** {@return whether a guest is on its way, or awaited, or runs with pages missing} */
    boolean isUnderWay() {
        IncomingGuest in = guest;
        return in != null && in.status().isUnderWay();
    }

    /**
     * {@return whether a guest is on its way, or runs with pages missing} Waits for one of which the source is told.
     */
    boolean hasBegun() {
        IncomingGuest in = guest;
        if (in instanceof IncomingRun run) {
            run.awaitAnswered();
        }
        return in != null && in.status().isUnderWay() && in.status() != MigrationStatus.SETUP;
    }

    /**
     * Waits for a guest from now on, or loads it from a mapped file.
     *
     * @param whenEnded hears of the end, with what went wrong
     */
    void begin(String uri, Consumer<Optional<String>> whenEnded) throws ControlException {
        if (guest != null) {
            throw new ControlException("The incoming migration has already been started");
        }
        if (machineRun.status() != RunStatus.INMIGRATE) {
            throw new ControlException("'-incoming' was not specified on the command line");
        }
        settings.checkTogether();
        MachineChannels channels = MachineChannels.incoming(settings.parameters(), tlsObjects);
        MigrationUri checked = TransportRules.check(uri, settings.on(), channels.secured());
        if (checked instanceof MigrationUri.OfFile file && settings.has(MigrationCapability.MAPPED_RAM)) {
            LoadRun run = loadRun(LoadOptions.mapped(file, settings.on(), settings.parameters()), whenEnded);
            guest = run;
            run.start();
            return;
        }
        try {
            IncomingRun run =
                    new IncomingRun(machine, machineRun, settings, channels, checked, postcopyRam, events, whenEnded);
            guest = run;
            run.start();
        } catch (IOException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
    }

    private LoadRun loadRun(LoadOptions options, Consumer<Optional<String>> whenEnded) {
        return new LoadRun(machine, machineRun, options, events, whenEnded);
    }

    /** Loads the guest from a file; returns when it runs, whether all of its memory is here or not. */
    void load(LoadOptions options) throws ControlException {
        LoadRun run = loadRun(options, error -> {});
        guest = run;
        run.load();
    }

    /** {@return whether there was a postcopy whose connections were broken} */
    boolean pause() {
        if (guest instanceof IncomingRun run && MAY_PAUSE.contains(run.status())) {
            run.pause();
            return true;
        }
        return false;
    }

    /** Waits for the source of a paused postcopy at another address. */
    void recover(String uri) throws ControlException {
        if (!(guest instanceof IncomingRun run) || run.status() != MigrationStatus.POSTCOPY_PAUSED) {
            throw new ControlException("Migrate recover can only be run when postcopy is paused.");
        }
        MachineChannels channels = MachineChannels.incoming(settings.parameters(), tlsObjects);
        run.recover(TransportRules.check(uri, settings.on(), channels.secured()), channels);
    }

    /** {@return how it stands} */
    MigrationReport report() {
        IncomingGuest in = guest;
        return in == null ? MigrationReport.NONE : in.report();
    }

    /** Ends it. A guest that waits for pages of a postcopy is lost with it: its machine is halted first. */
    void close() throws IOException {
        IncomingGuest in = guest;
        if (in != null) {
            in.close();
        }
        if (in instanceof IncomingRun run) {
            machine.halt();
            run.abandon();
        }
    }
}
