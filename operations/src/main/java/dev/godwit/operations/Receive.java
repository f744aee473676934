package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.ReceivedPages;
import dev.godwit.qemu.ReturnPath;
import dev.godwit.qemu.VmState;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsServer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The destination of a live migration that somebody else starts, into a snapshot file ({@code godwit receive}).
 *
 * <p>The source is told of success (SHUT(0) on the return path) only when the file is whole, synced and under its name.
 * On any error it is told so and keeps its guest, and what was under the name is still there. {@link #close} may be
 * called from any thread and ends {@link #run} like an error.
 *
 * <p>A source may switch to postcopy. From its RUN on it does not run its guest any more, and no destination does: the
 * rest of RAM is received, and when the file is whole, the guest is in it. If that fails, what came stays, under a name
 * that says that it is not whole ({@link SnapshotWriter#keepIncomplete}); the source holds the rest, paused.
 */
public final class Receive implements Closeable {

    private static final Duration LONGEST_UNDOING = Duration.ofSeconds(30);

    private final ReceiveOptions options;
    private final Progress progress;
    private final Consumer<MigrationUri> listening;
    private final CountDownLatch ended = new CountDownLatch(1);
    private @Nullable Thread runner;
    private @Nullable IncomingConnections connections;
    private boolean closed;
    private volatile @Nullable VmState givenUp;
    private @Nullable Path incomplete;

    /**
     * A migration to be received.
     *
     * @param progress hears how far it is
     * @param listening hears where the source can connect to, once it can
     */
    public Receive(ReceiveOptions options, Progress progress, Consumer<MigrationUri> listening) {
        this.options = options;
        this.progress = progress;
        this.listening = listening;
    }

    /**
     * Waits for the source and receives its migration; at most once.
     *
     * @throws MigrationException if there is no snapshot; it says where the guest is
     */
    public ReceiveResult run() throws MigrationException {
        synchronized (this) {
            runner = Thread.currentThread();
        }
        try (SnapshotWriter writer = SnapshotWriter.create(options.file(), SnapshotOptions.DEFAULT);
                MigrationListener listener = listener(options)) {
            ReceivedPages pages = new ReceivedPages(writer);
            try (IncomingConnections incoming = opened(new IncomingConnections(listener, options, pages, progress))) {
                listening.accept(listener.address());
                incoming.awaitMain();
                return receive(writer, pages, incoming, System.nanoTime());
            }
        } catch (MigrationException e) {
            throw e;
        } catch (IOException e) {
            throw new MigrationException(failure(e), GuestLocation.GUEST_AT_SOURCE, e);
        } finally {
            ended.countDown();
        }
    }

    /** QEMU ends its main channel without the goodbye of TLS; the formats know by themselves whether they are whole. */
    private static MigrationListener listener(ReceiveOptions options) throws IOException {
        return options.tls().isPresent()
                ? MigrationListener.open(
                        options.listen(), new TlsServer(options.tls().get(), true))
                : MigrationListener.open(options.listen());
    }

    private ReceiveResult receive(
            SnapshotWriter writer, ReceivedPages pages, IncomingConnections incoming, long startNs) throws IOException {
        ReturnPath returnPath = new ReturnPath(incoming.main());
        boolean streamWhole = false;
        try {
            IncomingMigration migration = migration(incoming, returnPath);
            CreationFacts facts = new CreationFacts(
                    Instant.now(),
                    GodwitVersion.TEXT,
                    "",
                    "receive",
                    "migration from " + incoming.main().remote());
            migration.postcopy(state -> {
                givenUp = state;
                incomplete = writer.keepIncomplete(state, facts);
            });
            VmState state = incoming.explaining(() -> migration.into(pages));
            incoming.finish();
            streamWhole = true;
            writer.commit(state, facts);
            boolean sourceTold = migration.returnPathOpened() && told(returnPath);
            return new ReceiveResult(
                    options.file(),
                    state.configuration().machineType(),
                    sourceTold,
                    Duration.ofNanos(System.nanoTime() - startNs));
        } catch (IOException | RuntimeException | Error e) {
            // In the middle of a postcopy the end of the connection makes the source wait; a word would end it.
            if (incoming.main().isDuplex() && (givenUp == null || streamWhole)) {
                tellFailure(returnPath);
                incoming.hangUp();
            }
            if (givenUp != null) {
                throw afterRun(writer, pages, givenUp, streamWhole, e);
            }
            throw e;
        }
    }

    private IncomingMigration migration(IncomingConnections incoming, ReturnPath returnPath) {
        IncomingMigration migration = IncomingMigration.from(incoming.main()).progress(progress);
        if (incoming.main().isDuplex()) {
            migration.returnPath(returnPath).inputEnd(incoming.main()::shutdownInput);
        }
        if (options.switchoverAck()) {
            migration.switchoverAck();
        }
        incoming.multifd().ifPresent(migration::multifd);
        return migration;
    }

    /** The guest had been given up by the source: what came is all that there is on this side. */
    private MigrationException afterRun(
            SnapshotWriter writer, ReceivedPages pages, VmState state, boolean streamWhole, Throwable cause) {
        String kept;
        try {
            Path name = writer.keepIncomplete(
                    state,
                    new CreationFacts(
                            Instant.now(), GodwitVersion.TEXT, "", "receive-incomplete", "postcopy, broken off"));
            kept = "What came is kept in " + name
                    + " (%d pages of RAM are missing in it)".formatted(pages.neverSentPages());
        } catch (IOException e) {
            cause.addSuppressed(e);
            kept = incomplete == null
                    ? "What came could not be kept: " + e.getMessage()
                    : "What came until RUN is kept in " + incomplete + "; the rest could not be: " + e.getMessage();
        }
        String source = streamWhole
                ? "The source was told that it failed, and QEMU lets its guest run on there then: see its query-status"
                : "The source, if its process lives, is in postcopy-paused and holds the rest: do not end it";
        return new MigrationException(
                "the source had given its guest up in postcopy, and no whole snapshot came of it: " + cause.getMessage()
                        + ". " + kept + ". " + source,
                GuestLocation.GUEST_LOST,
                cause);
    }

    /** The snapshot is whole either way: a source that has gone cannot be told, and keeps its guest. */
    private static boolean told(ReturnPath returnPath) {
        try {
            returnPath.shut(0);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** A source that cannot be told learns it from the connection's end. */
    @SuppressWarnings("EmptyCatch") // the failure that is being reported matters more
    private static void tellFailure(ReturnPath returnPath) {
        try {
            returnPath.shut(1);
        } catch (IOException _) {
            // Closing the connection, which follows, says the same.
        }
    }

    private synchronized String failure(IOException cause) {
        return closed ? "receiving was cancelled" : "nothing was received: " + cause.getMessage();
    }

    private synchronized IncomingConnections opened(IncomingConnections incoming) throws IOException {
        connections = incoming;
        if (closed) {
            incoming.close();
            throw new IOException("closed");
        }
        return incoming;
    }

    /** Ends {@link #run} if it is under way, and waits until the source was told and nothing half is left. */
    @Override
    public void close() throws IOException {
        IncomingConnections incoming;
        synchronized (this) {
            closed = true;
            incoming = connections;
            if (runner == null || runner.equals(Thread.currentThread())) {
                return;
            }
        }
        if (incoming != null) {
            if (givenUp == null) {
                incoming.hangUp();
            }
            incoming.close();
        }
        try {
            if (!ended.await(LONGEST_UNDOING.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("receiving has not ended within " + LONGEST_UNDOING.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
