package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.operations.GodwitVersion;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.QmpServer;
import dev.godwit.transport.ControlListener;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs a machine of ours until it is quit ({@code godwit run}). {@link #close} may be called from any thread: it ends
 * {@link #run} in order, and waits for that.
 */
public final class RunMachine implements Closeable {

    /** Hears when the machine can be used. */
    public interface Watcher {

        /**
         * The machine is there, and its control socket, where it has one, answers.
         *
         * @param qmp the control socket's address
         */
        void ready(GuestHost host, Optional<MigrationUri> qmp);
    }

    private static final Duration LONGEST_END = Duration.ofSeconds(30);

    private final RunOptions options;
    private final Watcher watcher;
    private final CountDownLatch ended = new CountDownLatch(1);
    private @Nullable Thread runner;
    private @Nullable GuestHost host;
    private boolean closed;

    /**
     * A machine to be run.
     *
     * @param watcher is called by the thread that runs it
     */
    public RunMachine(RunOptions options, Watcher watcher) {
        this.options = options;
        this.watcher = watcher;
    }

    /**
     * Runs it to its end; at most once.
     *
     * @throws IOException if it cannot be made, or its control socket cannot be opened
     */
    public MachineEnd run() throws IOException {
        synchronized (this) {
            runner = Thread.currentThread();
        }
        try {
            MachineKind.Made made = options.kind().make(!(options.incoming() instanceof RunOptions.Incoming.None));
            try (GuestHost guest = new GuestHost(
                    made.machine(),
                    options.name(),
                    !(options.incoming() instanceof RunOptions.Incoming.None),
                    Optional.of(made.postcopyRam()))) {
                guest.whenMigrationIsExpected(MigrationRehearsal::once);
                opened(guest);
                List<QmpCommand> own = new ArrayList<>(made.attach(guest));
                own.addAll(new CpuCommands(made.machine()).all());
                set(guest);
                return serve(own, guest);
            }
        } finally {
            ended.countDown();
        }
    }

    private MachineEnd serve(List<QmpCommand> own, GuestHost guest) throws IOException {
        if (options.qmp().isEmpty()) {
            return untilItEnds(guest, Optional.empty());
        }
        List<QmpCommand> commands = new ArrayList<>(guest.tlsCommands());
        commands.addAll(own);
        try (ControlListener listener = ControlListener.open(options.qmp().get());
                QmpServer _ = QmpServer.serve(listener.channel(), guest, "Godwit " + GodwitVersion.TEXT, commands)) {
            return untilItEnds(guest, Optional.of(listener.address()));
        }
    }

    private MachineEnd untilItEnds(GuestHost guest, Optional<MigrationUri> qmp) throws IOException {
        try {
            begin(guest);
            watcher.ready(guest, qmp);
            return guest.end().get();
        } catch (ControlException e) {
            throw new IOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the machine ran", e);
        } catch (ExecutionException e) {
            throw new IOException("the machine ended by a defect", e);
        }
    }

    /** What takes its time, and what may be refused, comes before there is a control socket to wait for. */
    private void set(GuestHost guest) throws IOException {
        try {
            if (options.tlsCredentials().isPresent()) {
                String folder = options.tlsCredentials().get().toAbsolutePath().toString();
                guest.setParameters(Map.of(MigrationParameter.TLS_CREDS, folder));
            }
            Map<MigrationCapability, Boolean> on = new EnumMap<>(MigrationCapability.class);
            options.capabilities().forEach(capability -> on.put(capability, true));
            guest.setCapabilities(on);
            if (options.incoming() instanceof RunOptions.Incoming.At) {
                guest.expectMigration();
            }
        } catch (ControlException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private void begin(GuestHost guest) throws ControlException {
        switch (options.incoming()) {
            case RunOptions.Incoming.None _ -> {
                if (!options.paused()) {
                    guest.cont();
                }
            }
            case RunOptions.Incoming.Deferred _ -> keepPausedIfAsked(guest);
            case RunOptions.Incoming.At(String uri) -> {
                keepPausedIfAsked(guest);
                guest.migrateIncoming(uri, true);
            }
            case RunOptions.Incoming.Loaded(LoadOptions load) -> {
                keepPausedIfAsked(guest);
                guest.load(load);
            }
        }
    }

    private void keepPausedIfAsked(GuestHost guest) throws ControlException {
        if (options.paused()) {
            guest.stop();
        }
    }

    private synchronized void opened(GuestHost guest) {
        host = guest;
        if (closed) {
            guest.quit("host-signal");
        }
    }

    /** Ends the machine in order, a migration under way by cancelling it, and waits until it is gone. */
    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
            if (host != null) {
                host.quit("host-signal");
            }
            if (runner == null || runner.equals(Thread.currentThread())) {
                return;
            }
        }
        try {
            if (!ended.await(LONGEST_END.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("the machine has not ended within " + LONGEST_END.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
