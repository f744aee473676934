package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.qmp.RunState;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Started with {@code -incoming defer}, and told through QMP to take a guest by postcopy, or to take its source back.
 *
 * <p>While the guest waits for pages, QEMU's main loop may wait too, for one that it touched itself: what has to work
 * then is said out of band, and everything else may take no longer than {@link #ASKING}.
 */
final class ControlledPostcopyQemu extends PostcopyQemu {

    private static final Duration ASKING = Duration.ofSeconds(3);
    private static final Duration LONGEST_RECOVERY = Duration.ofSeconds(30);
    private static final Duration LONGEST_END = Duration.ofSeconds(60);
    private static final int POLL_MS = 10;

    private final QmpClient qmp;
    private final QemuMonitor qemu;
    private final PrivateFolder folder;
    private final boolean preempt;
    private @Nullable QemuSettings settings;
    private MigrationUri uri;
    private int sockets;
    private boolean mayHaveGuest;

    ControlledPostcopyQemu(QmpClient qmp, boolean preempt) throws IOException {
        this.qmp = qmp;
        this.qemu = new QemuMonitor(qmp);
        this.preempt = preempt;
        try {
            this.folder = new PrivateFolder(qmp.peerUser());
            folder.handOver();
        } catch (IOException e) {
            qmp.close();
            throw e;
        }
        this.uri = nextUri();
    }

    private MigrationUri nextUri() {
        return new MigrationUri.Unix(folder.resolve("migration" + sockets++ + ".sock"));
    }

    @Override
    List<Long> hostPagesUnder(RamLayout layout, String machineType, boolean resume) throws IOException {
        if (resume) {
            return hostPagesOfRunning(layout);
        }
        if (preempt && qemu.version().startsWith("7.")) {
            throw new IOException("QEMU " + qemu.version()
                    + " crashes, and the guest with it, when a postcopy with a second connection breaks off;"
                    + " leave out --preempt");
        }
        RunState state = qemu.queryStatus();
        if (!state.status().equals("inmigrate")) {
            throw new IOException("this QEMU does not wait for a guest (run state " + state.status()
                    + "); start it with -incoming defer, or give --resume if it has this guest already");
        }
        String type = ask("qom-get", JsonObject.of("path", "/machine").with("property", "type"));
        if (type.endsWith("-machine") && !type.startsWith(machineType)) {
            throw new IOException("the guest is a " + machineType + ", and that QEMU a "
                    + type.substring(0, type.length() - "-machine".length()));
        }
        return blocks().hostPagesUnder(layout);
    }

    /** The main loop of a QEMU that waits for a page does not answer. */
    private List<Long> hostPagesOfRunning(RamLayout layout) throws IOException {
        RamBlockTable table;
        try {
            table = blocks();
        } catch (QmpException e) {
            throw e;
        } catch (IOException e) {
            if (!qmp.isConnected()) {
                throw e;
            }
            return Collections.nCopies(layout.blocks().size(), (long) Page.SIZE_BYTES);
        }
        return table.hostPagesUnder(layout);
    }

    private RamBlockTable blocks() throws IOException {
        return RamBlockTable.parse(ask("human-monitor-command", JsonObject.of("command-line", "info ramblock")));
    }

    private String ask(String command, JsonObject arguments) throws IOException {
        return qmp.execute(command, arguments, ASKING).text("value").orElse("");
    }

    @Override
    MigrationChannel connect() throws IOException {
        QemuSettings found = new QemuSettings(qemu);
        settings = found;
        Set<String> capabilities = new LinkedHashSet<>(Set.of("events", "postcopy-ram"));
        if (preempt) {
            capabilities.add("postcopy-preempt");
        }
        found.onlyCapabilities(capabilities);
        found.parameter("tls-creds", new JsonString(""));
        listen(JsonObject.of("uri", uri.toString()));
        mayHaveGuest = true;
        try {
            return uri.connect(CONNECT_TIMEOUT);
        } catch (IOException e) {
            throw explained(e); // it has ended between the two
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

    @Override
    MigrationChannel connectAgain() throws IOException {
        return uri.connect(CONNECT_TIMEOUT);
    }

    @Override
    Optional<MigrationChannel> recover() throws IOException {
        long deadlineNs = System.nanoTime() + LONGEST_RECOVERY.toNanos();
        while (true) {
            uri = nextUri();
            try {
                qmp.executeOutOfBand("migrate-recover", JsonObject.of("uri", uri.toString()), ASKING);
                return Optional.of(uri.connect(CONNECT_TIMEOUT));
            } catch (QmpException e) {
                Optional<MigrationStatus> status = status();
                if (status.filter(MigrationStatus::isCompleted).isPresent()) {
                    return Optional.empty();
                }
                if (status.filter(now -> !now.isUnderWay()).isPresent()) {
                    throw new MigrationException(
                            "that QEMU has no guest that waits for its source (its migration is '"
                                    + status.get().status()
                                    + "'); the guest is still in the snapshot, and without --resume it is restored",
                            GuestLocation.GUEST_AT_SOURCE,
                            e);
                }
                if (System.nanoTime() > deadlineNs) {
                    throw e;
                }
                pause();
            }
            sleep();
        }
    }

    /** A QEMU whose source fell silent takes it for slow until it is told. */
    private void pause() throws IOException {
        try {
            qmp.executeOutOfBand("migrate-pause", JsonObject.empty(), ASKING);
        } catch (QmpException _) {
            // It is paused already, or not yet where it can be.
        }
    }

    private Optional<MigrationStatus> status() {
        try {
            return Optional.of(MigrationStatus.of(qmp.execute("query-migrate", JsonObject.empty(), ASKING)));
        } catch (IOException _) {
            return Optional.empty(); // its main loop waits for a page
        }
    }

    private static void sleep() throws IOException {
        try {
            Thread.sleep(POLL_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the destination");
        }
    }

    @Override
    boolean recoversByItself() {
        return qmp.isConnected();
    }

    /**
     * A QEMU that loses its source just before it starts the guest ends, and one that has just started it pauses the
     * migration: it is waited until one or the other shows.
     */
    @Override
    boolean hasGuest() {
        long deadlineNs = System.nanoTime() + ASKING.toNanos();
        while (qmp.isConnected()) {
            Optional<MigrationStatus> status = status();
            if (!qmp.isConnected()) {
                return false;
            }
            if (status.isEmpty()) {
                return true; // a main loop that waits for a page does not answer
            }
            String word = status.get().status();
            boolean postcopy = word.startsWith("postcopy-");
            boolean undecided = word.equals("postcopy-active") || word.equals("active");
            if (!undecided || System.nanoTime() > deadlineNs) {
                return postcopy || status.get().isCompleted();
            }
            try {
                Thread.sleep(POLL_MS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return postcopy;
            }
        }
        return false;
    }

    @Override
    boolean hasEnded() {
        return !qmp.isConnected();
    }

    @Override
    IOException explained(IOException failure) {
        if (!qmp.isConnected()) {
            return new IOException(
                    failure.getMessage() + "; QEMU has ended, and its standard error output says why", failure);
        }
        return status().flatMap(MigrationStatus::errorDescription)
                .map(words -> new IOException(failure.getMessage() + "; QEMU says: " + words, failure))
                .orElse(failure);
    }

    @Override
    void finish() throws IOException {
        long deadlineNs = System.nanoTime() + LONGEST_END.toNanos();
        while (true) {
            MigrationStatus status = qemu.queryMigrate();
            if (status.isCompleted() && !qemu.queryStatus().status().equals("inmigrate")) {
                break;
            }
            if (status.isFailed() || System.nanoTime() > deadlineNs) {
                throw explained(new IOException(
                        "the destination has all of RAM, and its migration is '" + status.status() + "'"));
            }
            sleep();
        }
        if (settings != null) {
            settings.putBack();
            settings = null;
        }
    }

    @Override
    Optional<String> runState() throws IOException {
        return Optional.of(qemu.queryStatus().status());
    }

    /**
     * Once the stream has begun, a QEMU keeps its settings until it has the guest, or has to be started anew anyway.
     */
    @Override
    public void close() throws IOException {
        try (qmp;
                folder) {
            if (settings != null && qmp.isConnected() && !mayHaveGuest) {
                settings.putBack();
            }
        } catch (IOException e) {
            if (qmp.isConnected()) {
                throw e;
            }
        }
    }
}
