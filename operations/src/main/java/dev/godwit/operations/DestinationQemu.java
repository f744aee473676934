package dev.godwit.operations;

import dev.godwit.qemu.OutgoingPrecopy;
import dev.godwit.qmp.QmpClient;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** The QEMU that takes a guest: one that listens already, or one that is told to through its control socket. */
abstract sealed class DestinationQemu implements Closeable {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    static DestinationQemu open(RestoreOptions.Destination destination) throws IOException {
        return switch (destination) {
            case RestoreOptions.Destination.Listening(MigrationUri uri, Optional<TlsClient> tls) ->
                new Listening(uri, tls);
            case RestoreOptions.Destination.Deferred(var address) ->
                new Deferred(new DeferredQemu(QmpClient.connect(address)));
        };
    }

    /**
     * Looks, before anything is sent, whether it can take this guest, as far as that can be known.
     *
     * @param mapped whether its RAM has to be a mapping of the snapshot
     * @return which blocks are
     */
    abstract Set<Integer> check(Snapshot snapshot, boolean mapped) throws IOException;

    /** {@return a connection to its incoming migration} */
    abstract MigrationChannel connect() throws IOException;

    /**
     * Has it load a guest of which it has all but a little, without a connection, and waits until the guest is there.
     *
     * @param stream without a return path
     * @throws IOException if it has not loaded it; the message has QEMU's own words, where they can be had
     */
    abstract void load(OutgoingPrecopy stream) throws IOException;

    /** {@return the failure with QEMU's own words, where they can be had} */
    abstract IOException explained(IOException failure);

    /** Waits until QEMU has left its incoming state. */
    abstract void awaitGuest() throws IOException;

    /** {@return what QEMU says of the guest, where it can be asked} */
    abstract Optional<String> runState() throws IOException;

    /** Nothing is known of it but where it listens. */
    private static final class Listening extends DestinationQemu {
        private final MigrationUri uri;
        private final Optional<TlsClient> tls;

        Listening(MigrationUri uri, Optional<TlsClient> tls) {
            this.uri = uri;
            this.tls = tls;
        }

        @Override
        Set<Integer> check(Snapshot snapshot, boolean mapped) throws IOException {
            if (mapped) {
                throw new IOException("a mapped restore needs QEMU's control socket: only there can it be seen whether"
                        + " its RAM is a mapping of the snapshot");
            }
            return Set.of();
        }

        @Override
        MigrationChannel connect() throws IOException {
            return tls.isPresent() ? uri.connect(CONNECT_TIMEOUT, tls.get()) : uri.connect(CONNECT_TIMEOUT);
        }

        @Override
        void load(OutgoingPrecopy stream) {
            throw new IllegalStateException("nothing of the guest is there: check has refused that");
        }

        @Override
        IOException explained(IOException failure) {
            return new IOException(failure.getMessage() + "; its standard error output says why", failure);
        }

        @Override
        void awaitGuest() {
            // SHUT(0) was the word.
        }

        @Override
        Optional<String> runState() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }

    /** Started with {@code -incoming defer}; its settings are put back at the end. */
    private static final class Deferred extends DestinationQemu {
        private static final int POLL_MS = 10;

        private final DeferredQemu qemu;

        Deferred(DeferredQemu qemu) {
            this.qemu = qemu;
        }

        @Override
        Set<Integer> check(Snapshot snapshot, boolean mapped) throws IOException {
            qemu.checkWaits("start it with -incoming defer");
            qemu.checkMachine(snapshot.vmState().configuration().machineType());
            qemu.hostPagesUnder(snapshot.layout());
            return mapped ? MappedBlocks.of(qemu, snapshot) : Set.of();
        }

        @Override
        MigrationChannel connect() throws IOException {
            return qemu.listenAndConnect(Set.of("events"));
        }

        @Override
        void load(OutgoingPrecopy stream) throws IOException {
            qemu.load(stream, Set.of("events"), Duration.ofMillis(Restore.LONGEST_LOADING_MS));
            awaitGuest();
        }

        @Override
        IOException explained(IOException failure) {
            return qemu.explained(failure);
        }

        @Override
        void awaitGuest() throws IOException {
            while (qemu.runState().equals("inmigrate")) {
                if (qemu.monitor().queryMigrate().isFailed()) {
                    throw explained(new IOException("the destination failed after it had loaded everything"));
                }
                try {
                    Thread.sleep(POLL_MS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted while waiting for the destination", e);
                }
            }
        }

        @Override
        Optional<String> runState() throws IOException {
            return Optional.of(qemu.runState());
        }

        /** A QEMU that has ended cannot be put back, and needs not be. */
        @Override
        public void close() throws IOException {
            try (qemu) {
                qemu.putBack();
            } catch (IOException e) {
                if (qemu.qmp().isConnected()) {
                    throw e;
                }
            }
        }
    }
}
