package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.ReturnPath;
import dev.godwit.qemu.VmState;
import dev.godwit.qmp.QmpClient;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Takes a snapshot of a running QEMU through its QMP socket (DESIGN section 3, {@code godwit snapshot}).
 *
 * <p>Whatever happens, QEMU's capabilities, parameters and run state are afterwards as they were found, and there is
 * either a whole snapshot under the name or what was there before. {@link #close} may be called from any thread: it
 * ends {@link #run}, and returns when QEMU has been put back.
 */
public final class TakeSnapshot implements Closeable {

    /** How long an orderly end after {@link #close} may take; QEMU answers a cancel within milliseconds. */
    private static final Duration LONGEST_UNDOING = Duration.ofSeconds(30);

    private final TakeSnapshotOptions options;
    private final Progress progress;
    private final CountDownLatch ended = new CountDownLatch(1);
    private @Nullable Thread runner;
    private @Nullable MigrationListener listener;
    private @Nullable MigrationChannel channel;
    private boolean closed;

    /**
     * A snapshot to be taken.
     *
     * @param progress hears how far it is
     */
    public TakeSnapshot(TakeSnapshotOptions options, Progress progress) {
        this.options = options;
        this.progress = progress;
    }

    /**
     * Takes the snapshot; at most once.
     *
     * @throws MigrationException if there is no snapshot; it says where the guest is
     */
    public TakeSnapshotResult run() throws MigrationException {
        synchronized (this) {
            runner = Thread.currentThread();
        }
        long startNs = System.nanoTime();
        try (SnapshotWriter writer = SnapshotWriter.create(options.file(), SnapshotOptions.DEFAULT);
                QmpClient qmp = QmpClient.connect(options.qmp());
                SourceQemu source = new SourceQemu(qmp, options)) {
            Optional<Duration> pause = snapshot(writer, source);
            return new TakeSnapshotResult(
                    options.file(),
                    options.mode(),
                    pause,
                    Duration.ofNanos(System.nanoTime() - startNs),
                    source.writeFaults());
        } catch (MigrationException e) {
            throw e;
        } catch (IOException e) {
            throw new MigrationException(failure(e), GuestLocation.GUEST_AT_SOURCE, e);
        } finally {
            ended.countDown();
        }
    }

    private synchronized String failure(IOException cause) {
        return closed ? "the snapshot was cancelled" : "no snapshot was taken: " + cause.getMessage();
    }

    private Optional<Duration> snapshot(SnapshotWriter writer, SourceQemu source) throws IOException {
        try (PrivateFolder folder = new PrivateFolder(source.user());
                MigrationListener opened =
                        opened(MigrationListener.open(new MigrationUri.Unix(folder.resolve("migration.sock"))));
                MigrationChannel connection = begin(source, folder, opened)) {
            IncomingMigration incoming = IncomingMigration.from(connection).progress(progress);
            ReturnPath returnPath = new ReturnPath(connection);
            if (source.hasReturnPath()) {
                incoming.returnPath(returnPath).inputEnd(connection::shutdownInput);
            }
            VmState state = source.explaining(() -> incoming.into(writer));
            if (options.after() == AfterSnapshot.RESUME) {
                source.letGo(connection);
                writer.commit(state, facts(source));
                source.awaitEnd();
            } else {
                writer.commit(state, facts(source));
                source.keepStopped(returnPath);
            }
            return source.pause();
        }
    }

    private MigrationChannel begin(SourceQemu source, PrivateFolder folder, MigrationListener opened)
            throws IOException {
        folder.handOver();
        source.begin(opened.address());
        MigrationChannel accepted = source.explaining(() -> source.whileUnderWay(opened));
        synchronized (this) {
            if (closed) {
                accepted.close();
                throw new IOException("closed");
            }
            channel = accepted;
        }
        return accepted;
    }

    private synchronized MigrationListener opened(MigrationListener open) throws IOException {
        listener = open;
        if (closed) {
            open.close();
            throw new IOException("closed");
        }
        return open;
    }

    private CreationFacts facts(SourceQemu source) {
        return new CreationFacts(
                Instant.now(),
                GodwitVersion.TEXT,
                source.version(),
                options.mode().optionName(),
                "QEMU at " + options.qmp());
    }

    /** Ends {@link #run} if it is under way, and waits until QEMU is as it was. */
    @Override
    public void close() throws IOException {
        MigrationListener toClose;
        MigrationChannel connection;
        synchronized (this) {
            closed = true;
            toClose = listener;
            connection = channel;
            if (runner == null || runner.equals(Thread.currentThread())) {
                return;
            }
        }
        if (toClose != null) {
            toClose.close();
        }
        if (connection != null) {
            connection.close();
        }
        try {
            if (!ended.await(LONGEST_UNDOING.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("QEMU was not put back within " + LONGEST_UNDOING.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
