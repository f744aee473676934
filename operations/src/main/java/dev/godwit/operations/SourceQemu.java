package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.qemu.ReturnPath;
import dev.godwit.qmp.JsonNumber;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.qmp.RunState;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The QEMU of which a snapshot is taken: set up for it, told what to do at its end, and put back on close (decision
 * 0005). Owned by the thread that takes the snapshot.
 */
final class SourceQemu implements Closeable {

    /** QEMU answers within milliseconds; a busy host may take longer. */
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(20);

    private static final int POLL_MS = 20;

    /** With QEMU's largest value it stops the guest as soon as it has measured the bandwidth, after 100 ms. */
    private static final int LONGEST_DOWNTIME_LIMIT_MS = 2_000_000;

    private final QemuMonitor qemu;
    private final TakeSnapshotOptions options;
    private final QemuSettings settings;
    private final RunState before;
    private final GuestPause pause = new GuestPause();
    private final Closeable subscription;
    private boolean begun;
    private boolean keptStopped;

    SourceQemu(QmpClient qmp, TakeSnapshotOptions options) throws IOException {
        this.qemu = new QemuMonitor(qmp);
        this.options = options;
        this.before = qemu.queryStatus();
        requireGuest();
        this.settings = new QemuSettings(qemu);
        this.subscription = qmp.subscribe(pause);
    }

    private void requireGuest() throws IOException {
        MigrationStatus migration = qemu.queryMigrate();
        if (migration.isUnderWay()) {
            throw new IOException("this QEMU is migrating already (status " + migration.status()
                    + "); wait for that to end, or cancel it");
        }
        switch (before.status()) {
            case "inmigrate" -> throw new IOException("this QEMU waits for an incoming migration: it has no guest yet");
            case "postmigrate" ->
                throw new IOException("the guest of this QEMU has been migrated away (run state postmigrate);"
                        + " 'cont' makes it run again here, if it runs nowhere else");
            default -> {
                // Running or stopped for a reason of its own: both can be saved.
            }
        }
    }

    boolean hasReturnPath() {
        return options.mode() != SnapshotMode.BACKGROUND;
    }

    Optional<UserPrincipal> user() {
        return qemu.client().peerUser();
    }

    String version() {
        return qemu.version();
    }

    /** Sets QEMU up and starts the migration towards an address. */
    void begin(MigrationUri destination) throws IOException {
        Set<String> capabilities = new LinkedHashSet<>();
        capabilities.add("events");
        capabilities.add(hasReturnPath() ? "return-path" : "background-snapshot");
        begun = true;
        try {
            settings.onlyCapabilities(capabilities);
        } catch (QmpException e) {
            throw hasReturnPath() ? e : backgroundRefused(e);
        }
        settings.parameter("tls-creds", new JsonString(""));
        settings.parameter("mode", new JsonString("normal"));
        settings.parameter("max-bandwidth", JsonNumber.of(options.maxBandwidthBytesPerSecond()));
        if (options.mode() == SnapshotMode.STOP) {
            settings.parameter("downtime-limit", JsonNumber.of(LONGEST_DOWNTIME_LIMIT_MS));
        }
        qemu.migrate(destination.toString());
    }

    private static IOException backgroundRefused(QmpException e) {
        return new IOException(
                e.getMessage()
                        + "; QEMU needs userfaultfd with write protection for a background snapshot: Linux 5.7, and"
                        + " for a QEMU without root 'sysctl vm.unprivileged_userfaultfd=1'; the mode live needs neither",
                e);
    }

    /** Accepts QEMU's connection, and gives up when its migration fails first. */
    MigrationChannel whileUnderWay(MigrationListener listener) throws IOException {
        AtomicBoolean accepted = new AtomicBoolean();
        Thread watch = Thread.ofVirtual().name("migrate-watch").start(() -> closeIfFailed(listener, accepted));
        try {
            MigrationChannel channel = listener.accept();
            accepted.set(true);
            return channel;
        } finally {
            watch.interrupt();
        }
    }

    private void closeIfFailed(MigrationListener listener, AtomicBoolean accepted) {
        try {
            while (!accepted.get() && !Thread.currentThread().isInterrupted()) {
                if (qemu.queryMigrate().isFailed()) {
                    listener.close();
                    return;
                }
                Thread.sleep(POLL_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            closeQuietly(listener, e);
        }
    }

    private static void closeQuietly(MigrationListener listener, IOException cause) {
        try {
            listener.close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Work that fails when QEMU fails; QEMU's own words then tell why. */
    interface Work<T> {
        T run() throws IOException;
    }

    <T> T explaining(Work<T> work) throws IOException {
        try {
            return work.run();
        } catch (IOException e) {
            throw explained(e);
        }
    }

    private IOException explained(IOException e) {
        MigrationStatus status;
        try {
            status = qemu.queryMigrate();
        } catch (IOException gone) {
            e.addSuppressed(gone);
            return new MigrationException(
                    "no snapshot was taken: QEMU's control connection was lost in the middle; if QEMU has ended, its"
                            + " guest is gone with it",
                    GuestLocation.GUEST_LOST,
                    e);
        }
        Optional<String> words = status.errorDescription();
        return words.isEmpty() ? e : new IOException(e.getMessage() + "; QEMU says: " + words.get(), e);
    }

    /**
     * Everything has arrived: the guest may go on. QEMU itself puts the run state back. A machine of ours, which has
     * sent everything, does so when it hears that nobody has taken the guest.
     */
    void letGo(Closeable connection) throws IOException {
        if (hasReturnPath()) {
            qemu.migrateCancel();
            connection.close();
            awaitEnd();
        }
    }

    /** Waits until QEMU's migration has ended, in whatever way. */
    void awaitEnd() throws IOException {
        long deadlineNs = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (qemu.queryMigrate().isUnderWay()) {
            if (System.nanoTime() - deadlineNs > 0) {
                throw new IOException("QEMU's migration has not ended " + LONGEST_WAIT.toSeconds()
                        + " s after its last byte (status "
                        + qemu.queryMigrate().status() + ")");
            }
            pauseBriefly();
        }
    }

    /** {@return how much the guest was slowed down, where the machine says so} */
    Optional<WriteFaultReport> writeFaults() throws IOException {
        return qemu.queryMigrate().all().object("x-godwit-write-faults").map(SourceQemu::writeFaults);
    }

    private static WriteFaultReport writeFaults(JsonObject answer) {
        List<Long> histogram = answer.array("latency-dist").orElse(List.of()).stream()
                .map(value -> value instanceof JsonNumber number
                        ? number.wholeNumber().orElse(0)
                        : 0L)
                .toList();
        return new WriteFaultReport(
                answer.wholeNumber("count").orElse(0),
                (int) answer.wholeNumber("threads").orElse(0),
                answer.wholeNumber("total-ns").orElse(0),
                answer.wholeNumber("longest-ns").orElse(0),
                answer.wholeNumber("longest-thread-ns").orElse(0),
                histogram);
    }

    /** The snapshot is safe: QEMU is told so and keeps the guest stopped, or quits. */
    void keepStopped(ReturnPath returnPath) throws IOException {
        keptStopped = true;
        returnPath.shut(0);
        awaitEnd();
    }

    Optional<Duration> pause() {
        if (!before.running() || options.after() != AfterSnapshot.RESUME) {
            return Optional.empty();
        }
        try {
            return pause.await(LONGEST_WAIT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    /** Puts QEMU back: no migration, its own settings, and the guest as it was. */
    @Override
    public void close() throws IOException {
        try (subscription) {
            if (!begun) {
                return;
            }
            if (qemu.queryMigrate().isUnderWay()) {
                qemu.migrateCancel();
                awaitEnd();
            }
            settings.putBack();
            if (!keptStopped) {
                resumeIfLeftStopped();
            } else if (options.after() == AfterSnapshot.QUIT) {
                qemu.client().execute("quit");
            }
        }
    }

    /** QEMU puts the run state back itself; should it ever not, the guest is not left standing. */
    private void resumeIfLeftStopped() throws IOException {
        if (before.running() && !qemu.queryStatus().running()) {
            qemu.cont();
        }
    }

    private static void pauseBriefly() throws IOException {
        try {
            Thread.sleep(POLL_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for QEMU", e);
        }
    }
}
