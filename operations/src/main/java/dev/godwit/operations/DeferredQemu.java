package dev.godwit.operations;

import dev.godwit.linux.IdleScheduling;
import dev.godwit.qemu.OutgoingPrecopy;
import dev.godwit.qmp.EventQueue;
import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpEvent;
import dev.godwit.qmp.QmpException;
import dev.godwit.qmp.RunState;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A QEMU that was started with {@code -incoming defer} and is told through its control socket what to take, whatever
 * the way in which the guest then comes. Its settings are noted before they are changed, and put back once.
 */
final class DeferredQemu implements Closeable {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    /** The main loop of a QEMU that waits for a page does not answer. */
    static final Duration ASKING = Duration.ofSeconds(3);

    /** An event comes at once, but for a main loop that waits for a page. */
    private static final Duration LONGEST_LAST_WORD = Duration.ofSeconds(3);

    private final QmpClient qmp;
    private final QemuMonitor monitor;
    private final MigrationEnd end;
    private @Nullable QemuSettings settings;

    /** There is one from the first address on; a restore that resumes has that of the one before it. */
    private @Nullable PrivateFolder folder;

    private @Nullable MigrationUri uri;

    /** Takes over a connection, which is closed with this. */
    DeferredQemu(QmpClient qmp) {
        this.qmp = qmp;
        this.monitor = new QemuMonitor(qmp);
        this.end = MigrationEnd.of(qmp);
    }

    QmpClient qmp() {
        return qmp;
    }

    QemuMonitor monitor() {
        return monitor;
    }

    /** {@return an address at which nobody has listened yet; {@link #connect} goes there from now on} */
    MigrationUri nextUri() throws IOException {
        MigrationUri next = new MigrationUri.Unix(folder().unused("migration", ".sock"));
        uri = next;
        return next;
    }

    private PrivateFolder folder() throws IOException {
        PrivateFolder made = folder;
        if (made == null) {
            made = new PrivateFolder(qmp.peerUser());
            folder = made;
            made.handOver();
        }
        return made;
    }

    /**
     * Looks whether it waits for a guest.
     *
     * @param otherwise what to do where it does not
     */
    void checkWaits(String otherwise) throws IOException {
        RunState state = monitor.queryStatus();
        if (!state.status().equals("inmigrate")) {
            throw new IOException(
                    "this QEMU does not wait for a guest (run state " + state.status() + "); " + otherwise);
        }
    }

    /** Looks whether it is the machine that the guest was taken from. */
    void checkMachine(String machineType) throws IOException {
        String type = property("/machine", "type").orElse("");
        if (type.endsWith("-machine") && !type.startsWith(machineType)) {
            throw new IOException("the guest is a " + machineType + ", and that QEMU a "
                    + type.substring(0, type.length() - "-machine".length()));
        }
    }

    /** {@return what QEMU says of a property of one of its objects; empty where it has no such object} */
    Optional<String> property(String object, String name) throws IOException {
        try {
            return qmp.execute("qom-get", JsonObject.of("path", object).with("property", name), ASKING)
                    .get("value")
                    .map(value -> value instanceof JsonString(String text) ? text : value.toString());
        } catch (QmpException _) {
            return Optional.empty();
        }
    }

    /**
     * {@return the size of the host's pages under each block of a guest} A machine of ours has no monitor for people
     * that could be asked: what does not fit there is refused when it arrives.
     *
     * @throws IOException if a block is missing there, or has another length; QEMU has heard nothing of it yet
     */
    List<Long> hostPagesUnder(RamLayout layout) throws IOException {
        String text;
        try {
            text = qmp.execute("human-monitor-command", JsonObject.of("command-line", "info ramblock"), ASKING)
                    .text("value")
                    .orElse("");
        } catch (QmpException e) {
            if (e.errorClass().equals("CommandNotFound")) {
                return Collections.nCopies(layout.blocks().size(), (long) Page.SIZE_BYTES);
            }
            throw e;
        }
        return RamBlockTable.parse(text).hostPagesUnder(layout);
    }

    /** Has it listen, with these capabilities and without TLS, and connects to it. */
    MigrationChannel listenAndConnect(Set<String> capabilities) throws IOException {
        set(capabilities);
        listen(JsonObject.of("uri", nextUri().toString()));
        try {
            return connect();
        } catch (IOException e) {
            throw explained(e); // it has ended between the two
        }
    }

    /**
     * Has it load a whole stream out of a file, with these capabilities, and waits until it has. Through a socket the
     * two would wait for each other again and again. QEMU has known {@code file:} since 8.2.
     *
     * @param stream one without a return path
     * @throws IOException if it has not loaded it
     */
    void load(OutgoingPrecopy stream, Set<String> capabilities, Duration longest) throws IOException {
        MigrationUri.OfFile file = new MigrationUri.OfFile(folder().unused("guest", ".stream"), 0);
        try (MigrationChannel channel = file.connect(CONNECT_TIMEOUT)) {
            stream.send(channel);
        }
        folder().handOver(file.path());
        set(capabilities);
        try (EventQueue events = qmp.events();
                IdleScheduling _ = IdleScheduling.begin()) { // QEMU has all that it needs, and the processors to itself
            listen(JsonObject.of("uri", file.toString()));
            QmpEvent last = events.await(longest, "that it has loaded the guest", DeferredQemu::isLastWord);
            if (MigrationStatus.of(last.data()).isFailed()) {
                throw new IOException("the destination could not load it");
            }
        } catch (IOException e) {
            throw explained(e);
        }
    }

    private static boolean isLastWord(QmpEvent event) {
        return MigrationStatus.in(event).filter(MigrationStatus::isOver).isPresent();
    }

    private void set(Set<String> capabilities) throws IOException {
        QemuSettings found = new QemuSettings(monitor);
        settings = found;
        found.onlyCapabilities(capabilities);
        found.parameter("tls-creds", new JsonString(""));
    }

    /** Keeps the settings that were found for a process that comes after this one, should this one be killed. */
    void keepSession() throws IOException {
        QemuSettings found = settings;
        if (found != null) {
            PostcopySession.keep(folder(), qmp.address(), found);
        }
    }

    /** Takes over the settings that an earlier process found and has not put back, and the folder that has them. */
    void takeUpSession() throws IOException {
        Optional<PostcopySession.Kept> kept = PostcopySession.takeUp(qmp.address(), monitor);
        if (kept.isPresent()) {
            settings = kept.get().settings();
            folder = kept.get().folder();
            kept.get().folder().handOver();
        }
    }

    /** Leaves them to the next process. */
    void leaveSession() {
        if (settings != null && folder != null) {
            folder.leave();
        }
    }

    /** Since 9.1 QEMU can stay alive when the load fails, and say why; an older one ends. */
    private void listen(JsonObject arguments) throws IOException {
        try {
            qmp.execute("migrate-incoming", arguments.with("exit-on-error", JsonBoolean.of(false)));
        } catch (QmpException e) {
            if (!e.text().contains("exit-on-error")) {
                throw e;
            }
            qmp.execute("migrate-incoming", arguments);
        }
    }

    /** {@return a connection to where it listens} */
    MigrationChannel connect() throws IOException {
        return Objects.requireNonNull(uri, "it has been told where to listen").connect(CONNECT_TIMEOUT);
    }

    /** {@return how its migration stands; empty where it cannot say} It is not asked once it has said the last word. */
    Optional<MigrationStatus> status() {
        if (end.heard().isPresent()) {
            return end.heard();
        }
        try {
            return Optional.of(MigrationStatus.of(qmp.execute("query-migrate", JsonObject.empty(), ASKING)));
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /**
     * {@return how its migration stands when the last page has been sent} Waits for it to say so by itself; one that
     * has not by then has no events, and is asked.
     */
    MigrationStatus statusAtEnd() throws IOException {
        try {
            Optional<MigrationStatus> completed = end.await(LONGEST_LAST_WORD);
            return completed.isPresent() ? completed.get() : monitor.queryMigrate();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException)
                    new InterruptedIOException("interrupted while waiting for the destination").initCause(e);
        }
    }

    /** {@return the failure with QEMU's own words, where they can be had} */
    IOException explained(IOException failure) {
        Optional<MigrationStatus> status = status();
        if (!qmp.isConnected()) {
            return new IOException(
                    failure.getMessage() + "; QEMU has ended, and its standard error output says why", failure);
        }
        return status.flatMap(MigrationStatus::errorDescription)
                .map(words -> new IOException(failure.getMessage() + "; QEMU says: " + words, failure))
                .orElse(failure);
    }

    /** {@return what QEMU says of the guest} */
    String runState() throws IOException {
        return monitor.queryStatus().status();
    }

    /** Puts its settings back as they were found; without effect before {@link #listenAndConnect}, and after once. */
    void putBack() throws IOException {
        QemuSettings found = settings;
        settings = null;
        if (found != null) {
            found.putBack();
        }
    }

    /** Disconnects. Its settings stay as they are. */
    @Override
    public void close() throws IOException {
        try (qmp) {
            if (folder != null) {
                folder.close();
            }
        }
    }
}
