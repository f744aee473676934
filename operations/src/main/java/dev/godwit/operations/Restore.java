package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.DestinationAnswers.LastWord;
import dev.godwit.qemu.OutgoingPrecopy;
import dev.godwit.ram.RamLayout;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.snapshot.VerificationReport;
import dev.godwit.transport.MigrationChannel;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Brings a guest back from its snapshot, eagerly: an ordinary precopy stream with a return path into a QEMU that waits
 * for one ({@code godwit restore --eager}). Where that QEMU has the snapshot mapped as its RAM, only the rest is sent
 * ({@code godwit restore --map}), and the kernel brings the pages when the guest touches them.
 *
 * <p>It succeeds only when the destination says that everything is loaded. The snapshot is only read, so a guest whose
 * restore fails is still where it was: in its file. {@link #close} may be called from any thread and ends {@link #run}.
 */
public final class Restore implements Closeable {

    /** Loading device state takes milliseconds; flushing gigabytes of socket buffer on a busy host takes longer. */
    static final long LONGEST_LOADING_MS = 60_000;

    /**
     * Blocks besides the mapped one are firmware and devices' memory; where they are more, they go over a connection.
     */
    private static final long LITTLE_BYTES = 64 << 20;

    private final RestoreOptions options;
    private final Progress progress;
    private @Nullable MigrationChannel channel;
    private boolean closed;

    /**
     * A guest to be restored.
     *
     * @param progress hears how far it is
     */
    public Restore(RestoreOptions options, Progress progress) {
        this.options = options;
        this.progress = new UntilClosed(progress);
    }

    /** Ends the opening of a classic stream, which lays it out, when the restore is closed. */
    private final class UntilClosed implements Progress {
        private final Progress listener;

        UntilClosed(Progress listener) {
            this.listener = listener;
        }

        @Override
        public void phase(String name, long totalBytes) {
            listener.phase(name, totalBytes);
        }

        @Override
        public void advance(long bytes) {
            if (isClosed()) {
                throw new CancellationException("closed");
            }
            listener.advance(bytes);
        }
    }

    /**
     * Restores the guest; at most once.
     *
     * @throws MigrationException if the destination has not taken it; the snapshot is as it was
     */
    public RestoreResult run() throws MigrationException {
        long startNs = System.nanoTime();
        try (Snapshot snapshot = Snapshot.open(options.file(), 0, progress);
                DestinationQemu destination = DestinationQemu.open(options.destination())) {
            checkOpen();
            Set<Integer> mapped = destination.check(snapshot, options.mapped());
            OptionalLong verifiedPages =
                    options.verify() ? OptionalLong.of(verify(options.file(), progress)) : OptionalLong.empty();
            send(snapshot, mapped, destination);
            return new RestoreResult(
                    snapshot.vmState().configuration().machineType(),
                    snapshot.layout().totalBytes(),
                    destination.runState(),
                    Duration.ofNanos(System.nanoTime() - startNs),
                    mapped.stream()
                            .mapToLong(block -> snapshot.layout().block(block).lengthBytes())
                            .sum(),
                    verifiedPages);
        } catch (MigrationException e) {
            throw e;
        } catch (IOException | CancellationException e) {
            throw new MigrationException(
                    (isClosed() ? "the restore was cancelled" : "the guest was not restored: " + e.getMessage())
                            + " (the guest is still in the snapshot, which is untouched; that QEMU has to be started"
                            + " anew)",
                    GuestLocation.GUEST_AT_SOURCE,
                    e);
        }
    }

    /** {@return how many pages were right} */
    static long verify(Path file, Progress progress) throws IOException {
        VerificationReport report;
        try {
            report = Verification.of(file, progress);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while " + file + " was verified", e);
        }
        if (!report.damages().isEmpty()) {
            throw new IOException(file + " is damaged: "
                    + report.damages().getFirst().describe()
                    + (report.damageCount() > 1 ? ", and " + (report.damageCount() - 1) + " more" : ""));
        }
        if (report.scope() == VerificationReport.Scope.STRUCTURE) {
            throw new IOException(file + " has no checksums by which it could be verified: Godwit did not"
                    + " write it; godwit convert --to mapped-ram makes a file with them");
        }
        return report.checkedPages();
    }

    private void send(Snapshot snapshot, Set<Integer> mapped, DestinationQemu destination) throws IOException {
        OutgoingPrecopy stream = new OutgoingPrecopy(snapshot.checked(), snapshot.vmState())
                .withoutPagesOf(mapped)
                .maxBytesPerSecond(options.maxBandwidthBytesPerSecond())
                .progress(progress);
        if (isLittle(snapshot.layout(), mapped)) {
            destination.load(stream);
            return;
        }
        try (MigrationChannel connection = opened(destination.connect())) {
            if (!connection.isDuplex()) {
                throw new IOException("a restore needs the destination's answer, and " + connection.remote()
                        + " goes one way; use tcp, unix or fd (to write a stream into a file, use convert)");
            }
            DestinationAnswers answers = new DestinationAnswers(connection);
            try {
                stream.returnPath().send(connection);
            } catch (IOException e) {
                throw destination.explained(e);
            }
            progress.phase("waiting for the destination", -1);
            LastWord word = answers.await(LONGEST_LOADING_MS);
            switch (word) {
                case LOADED -> destination.awaitGuest();
                case REFUSED -> throw destination.explained(new IOException("the destination could not load it"));
                case NONE -> throw destination.explained(hungUp(answers));
            }
        }
    }

    /** {@return whether the guest is mapped but for a little} */
    private boolean isLittle(RamLayout layout, Set<Integer> mapped) {
        long sentBytes = layout.totalBytes()
                - mapped.stream()
                        .mapToLong(block -> layout.block(block).lengthBytes())
                        .sum();
        return !mapped.isEmpty() && sentBytes <= LITTLE_BYTES && options.maxBandwidthBytesPerSecond() == 0;
    }

    private static IOException hungUp(DestinationAnswers answers) {
        String reason =
                answers.failure().map(failure -> ": " + failure.getMessage()).orElse("");
        IOException hungUp = new IOException("the destination hung up before it had loaded it" + reason);
        answers.failure().ifPresent(hungUp::initCause);
        return hungUp;
    }

    private synchronized MigrationChannel opened(MigrationChannel connection) throws IOException {
        channel = connection;
        if (closed) {
            connection.close();
            throw new IOException("closed");
        }
        return connection;
    }

    private void checkOpen() throws IOException {
        if (isClosed()) {
            throw new IOException("closed");
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    /**
     * Ends {@link #run} if it is under way, by hanging up. While it waits for a destination to take its connection, for
     * an answer on the control socket, or for a mapped guest to be loaded, it ends when those are given up: after 10,
     * 30 and 60 seconds.
     */
    @Override
    public synchronized void close() throws IOException {
        closed = true;
        if (channel != null) {
            channel.close();
        }
    }
}
