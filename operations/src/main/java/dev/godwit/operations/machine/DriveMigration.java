package dev.godwit.operations.machine;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.QemuSettings;
import dev.godwit.qmp.EventQueue;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Has a machine of ours, or a QEMU, migrate its guest, and watches it to the end ({@code godwit migrate}). Its settings
 * are put back, however it ends. {@link #close} may be called from any thread: it cancels the migration.
 */
public final class DriveMigration implements Closeable {

    private static final String RETURN_PATH = "return-path";
    private static final String POSTCOPY = "postcopy-";
    private static final String PAUSED = "postcopy-paused";
    private static final Duration LONGEST_UNDOING = Duration.ofSeconds(30);
    private static final int POLL_MS = 100;

    private final DriveOptions options;
    private final Progress progress;
    private final CountDownLatch ended = new CountDownLatch(1);
    private Consumer<MigrationStatus> listener = _ -> {};
    private @Nullable Thread runner;
    private @Nullable QemuMonitor driven;
    private boolean closed;

    /**
     * A migration to be driven.
     *
     * @param progress hears how far it is
     */
    public DriveMigration(DriveOptions options, Progress progress) {
        this.options = options;
        this.progress = progress;
    }

    /** Sets who hears, on the thread that runs, each status that is asked for, the last one included. */
    public DriveMigration listener(Consumer<MigrationStatus> hears) {
        listener = hears;
        return this;
    }

    /**
     * Migrates; at most once. When this returns, the guest is at the destination.
     *
     * @throws MigrationException if it is not; it says where it is
     */
    public DriveResult run() throws MigrationException {
        synchronized (this) {
            runner = Thread.currentThread();
        }
        long startNs = System.nanoTime();
        try (QmpClient qmp = QmpClient.connect(options.qmp())) {
            QemuMonitor source = new QemuMonitor(qmp);
            MigrationStatus last = options.resume() ? resume(source) : migrate(source);
            return new DriveResult(
                    last,
                    Duration.ofNanos(System.nanoTime() - startNs),
                    options.resume()
                            || options.postcopyAfterPasses().isPresent()
                            || options.capabilities().contains(RETURN_PATH));
        } catch (MigrationException e) {
            throw e;
        } catch (IOException e) {
            throw new MigrationException(
                    "the guest was not migrated: " + e.getMessage(), GuestLocation.GUEST_AT_SOURCE, e);
        } finally {
            ended.countDown();
        }
    }

    private MigrationStatus migrate(QemuMonitor source) throws IOException {
        if (source.queryMigrate().isUnderWay()) {
            throw new IOException("a migration is under way already");
        }
        QemuSettings settings = new QemuSettings(source);
        Set<String> capabilities = new LinkedHashSet<>(options.capabilities());
        capabilities.add("events");
        try (EventQueue events = source.client().events()) {
            settings.onlyCapabilities(capabilities);
            if (!options.parameters().members().isEmpty()) {
                source.setMigrationParameters(options.parameters());
            }
            started(source);
            source.migrate(options.uri(), Duration.ofMinutes(1));
            return watch(source, events);
        } finally {
            putBack(settings);
        }
    }

    private MigrationStatus resume(QemuMonitor source) throws IOException {
        String found = source.queryMigrate().status();
        if (!found.equals(PAUSED)) {
            throw new IOException(
                    "there is no postcopy that waits for its connection: the migration's status is " + found);
        }
        try (EventQueue events = source.client().events()) {
            if (!options.parameters().members().isEmpty()) {
                source.setMigrationParameters(options.parameters());
            }
            started(source);
            source.client()
                    .execute(
                            "migrate", JsonObject.of("uri", options.uri()).with("resume", true), Duration.ofMinutes(1));
            return watch(source, events);
        } catch (MigrationException e) {
            throw e;
        } catch (IOException e) {
            throw new MigrationException(
                    "the postcopy does not go on: " + e.getMessage(), GuestLocation.GUEST_AT_DESTINATION, e);
        }
    }

    private synchronized void started(QemuMonitor source) throws IOException {
        if (closed) {
            throw new IOException("cancelled before it began");
        }
        driven = source;
    }

    /** What became of the guest is more important, and is told; a source that has gone has nothing to be put back. */
    private static void putBack(QemuSettings settings) {
        try {
            settings.putBack();
        } catch (IOException e) {
            System.getLogger("dev.godwit.operations")
                    .log(Level.DEBUG, "The source's settings could not be put back", e);
        }
    }

    private MigrationStatus watch(QemuMonitor source, EventQueue events) throws IOException {
        String phase = "";
        long seenBytes = 0;
        boolean wantsPostcopy = options.postcopyAfterPasses().isPresent();
        if (wantsPostcopy && options.postcopyAfterPasses().getAsInt() == 0) {
            source.client().execute("migrate-start-postcopy");
            wantsPostcopy = false;
        }
        while (true) {
            MigrationStatus status = ask(source);
            listener.accept(status);
            if (status.isCompleted()) {
                return status;
            }
            if (status.isFailed()) {
                throw new MigrationException(
                        status.status().equals("cancelled")
                                ? "the migration was cancelled"
                                : "the migration failed: "
                                        + status.errorDescription().orElse("no reason was given"),
                        GuestLocation.GUEST_AT_SOURCE);
            }
            refuseIfUnwatched(status);
            if (wantsPostcopy && passes(status) > options.postcopyAfterPasses().getAsInt()) {
                source.client().execute("migrate-start-postcopy");
                wantsPostcopy = false;
            }
            String next = phaseOf(status);
            if (!next.equals(phase)) {
                phase = next;
                progress.phase(phase, status.ramRemainingBytes().orElse(-1));
            }
            long nowBytes = status.ramTransferredBytes().orElse(seenBytes);
            progress.advance(Math.max(0, nowBytes - seenBytes));
            seenBytes = Math.max(seenBytes, nowBytes);
            awaitChange(events);
        }
    }

    /** Where the guest has gone first, neither a lost connection nor Ctrl-C ends the migration, but they end this. */
    private synchronized void refuseIfUnwatched(MigrationStatus status) throws MigrationException {
        if (status.status().equals(PAUSED)) {
            throw new MigrationException(
                    "the connection was lost: "
                            + status.errorDescription().orElse("no reason was given")
                            + "; the source keeps the pages and must not be ended: give migrate-recover to the"
                            + " destination, then run the same command with --resume and its new address",
                    GuestLocation.GUEST_AT_DESTINATION);
        }
        if (closed && status.status().startsWith(POSTCOPY)) {
            throw new MigrationException(
                    "the guest runs at the destination already, and the rest of its RAM follows without being watched;"
                            + " the source must not be ended before query-migrate says 'completed'",
                    GuestLocation.GUEST_AT_DESTINATION);
        }
    }

    private static long passes(MigrationStatus status) {
        return status.all()
                .object("ram")
                .map(ram -> ram.wholeNumber("dirty-sync-count").orElse(0))
                .orElse(0L);
    }

    private static String phaseOf(MigrationStatus status) {
        return switch (status.status()) {
            case "active" -> "migrating, pass " + passes(status);
            case "postcopy-active" -> "the guest runs at the destination, sending the rest of its RAM";
            default -> status.status();
        };
    }

    private MigrationStatus ask(QemuMonitor source) throws MigrationException {
        try {
            return source.queryMigrate();
        } catch (IOException e) {
            throw new MigrationException(
                    "the source's control connection was lost in the middle of the migration: if its process has ended,"
                            + " its guest is gone with it, unless the destination says that it runs there",
                    GuestLocation.GUEST_LOST,
                    e);
        }
    }

    /** Waits for the next event, but not longer than it takes for figures to be new. */
    private static void awaitChange(EventQueue events) throws IOException {
        try {
            events.await(Duration.ofMillis(POLL_MS), "MIGRATION", "MIGRATION_PASS", "STOP");
        } catch (InterruptedIOException e) {
            throw e;
        } catch (IOException _) {
            // No event, or no connection any more: the next question shows which.
        }
    }

    @SuppressWarnings("EmptyCatch") // where the guest has gone first, the watch ends by itself
    private static void cancel(QemuMonitor source) throws IOException {
        try {
            source.migrateCancel();
        } catch (QmpException _) {
            // see above
        }
    }

    /** Cancels the migration, if it is under way and can be, and waits until {@link #run} has ended. */
    @Override
    public void close() throws IOException {
        QemuMonitor source;
        synchronized (this) {
            closed = true;
            source = driven;
            if (runner == null || runner.equals(Thread.currentThread()) || ended.getCount() == 0) {
                return;
            }
        }
        if (source != null) {
            cancel(source);
        }
        try {
            if (!ended.await(LONGEST_UNDOING.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("the migration has not ended within " + LONGEST_UNDOING.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
