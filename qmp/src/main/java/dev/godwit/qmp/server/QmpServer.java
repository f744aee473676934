package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.qmp.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Serves QMP: several clients at once, each with a negotiation of its own, QEMU's commands for what a
 * {@link MachineControl} does, and its events.
 *
 * <p>Assumption: the listening socket is one that only those can reach who may control the machine. Guarantees: every
 * event reaches every client that has negotiated, in order, and ahead of the answer to the command that caused it. A
 * client that does not read holds nobody up: when {@value QmpSession#MAX_QUEUED_MESSAGES} messages wait for it, it is
 * disconnected. A virtual thread accepts; each client has one that reads, one that executes its commands in order, and
 * one that writes.
 */
public final class QmpServer implements Closeable {

    /** So many clients are served at once; the next one is disconnected. */
    static final int MAX_CLIENTS = 64;

    static final System.Logger LOG = System.getLogger("dev.godwit.qmp");

    private final ServerSocketChannel listener;
    private final CommandTable commands;
    private final JsonObject version;
    private final MachineControl.Subscription subscription;
    private final Set<QmpSession> sessions = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private QmpServer(
            ServerSocketChannel listener,
            CommandTable commands,
            JsonObject version,
            Function<Consumer<MachineEvent>, MachineControl.Subscription> events) {
        this.listener = listener;
        this.commands = commands;
        this.version = version;
        this.subscription = events.apply(this::publish);
    }

    /**
     * Begins to serve something that is no machine.
     *
     * @param listener a bound socket in blocking mode; closed by {@link #close}
     * @param release this program's name and release, for the greeting
     * @param commands all that it does
     */
    public static QmpServer serve(ServerSocketChannel listener, String release, List<QmpCommand> commands) {
        return started(new QmpServer(listener, new CommandTable(commands), ServedVersion.of(release), _ -> () -> {}));
    }

    /**
     * Begins to serve.
     *
     * @param listener a bound socket in blocking mode; closed by {@link #close}
     * @param control what is controlled
     * @param release this program's name and release, for the greeting
     * @param more commands beside those of {@link MachineControl}
     */
    public static QmpServer serve(
            ServerSocketChannel listener, MachineControl control, String release, List<QmpCommand> more) {
        JsonObject version = ServedVersion.of(release);
        PatientStop stop = new PatientStop(control);
        List<QmpCommand> all = new ArrayList<>(new MachineCommands(control, stop, version).all());
        all.addAll(new MigrationCommands(control).all());
        all.addAll(new DirtyRateCommands(control).all());
        all.addAll(more);
        all.replaceAll(stop::behind);
        return started(new QmpServer(listener, new CommandTable(all), version, control::subscribe));
    }

    private static QmpServer started(QmpServer server) {
        Thread.ofVirtual().name("qmp-accept").start(server::acceptAll);
        return server;
    }

    private void acceptAll() {
        try {
            while (true) {
                SocketChannel channel = listener.accept();
                if (sessions.size() >= MAX_CLIENTS) {
                    LOG.log(Level.WARNING, "QMP: a client more than " + MAX_CLIENTS + " was disconnected");
                    channel.close();
                    continue;
                }
                QmpSession session = new QmpSession(channel, commands, sessions::remove);
                sessions.add(session);
                session.start(version);
                if (closed) {
                    session.close();
                }
            }
        } catch (ClosedChannelException e) {
            // close() ends the accepting
        } catch (IOException e) {
            LOG.log(Level.ERROR, "QMP: no more clients can connect", e);
        }
    }

    private void publish(MachineEvent event) {
        Instant now = Instant.now();
        sessions.forEach(session -> session.event(event, now));
    }

    /** Ends serving: what is queued for clients is still written, for a moment, and they are disconnected. */
    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        subscription.close();
        List<Thread> goodbyes = sessions.stream()
                .map(session -> Thread.ofVirtual().name("qmp-goodbye").start(session::close))
                .toList();
        try {
            for (Thread goodbye : goodbyes) {
                goodbye.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
