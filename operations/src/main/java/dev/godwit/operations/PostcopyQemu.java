package dev.godwit.operations;

import dev.godwit.qmp.QmpClient;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** The QEMU that takes a guest by postcopy: one that listens already, or one that is told what to do. */
abstract sealed class PostcopyQemu implements Closeable permits PostcopyQemu.Listening, ControlledPostcopyQemu {

    static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    static PostcopyQemu open(RestoreOptions.Destination destination, boolean preempt) throws IOException {
        return switch (destination) {
            case RestoreOptions.Destination.Listening(MigrationUri uri, Optional<TlsClient> tls) ->
                new Listening(uri, tls);
            case RestoreOptions.Destination.Deferred(var address) ->
                new ControlledPostcopyQemu(new DeferredQemu(QmpClient.connect(address)), preempt);
        };
    }

    /**
     * {@return the size of the host's pages under each block, 4096 where that cannot be known}
     *
     * @throws IOException if it can be known that this QEMU cannot take the guest
     */
    abstract List<Long> hostPagesUnder(RamLayout layout, String machineType, boolean resume) throws IOException;

    /** {@return a connection to its incoming migration} */
    abstract MigrationChannel connect() throws IOException;

    /** {@return another connection to where the last one went} */
    abstract MigrationChannel connectAgain() throws IOException;

    /** {@return a connection by which its migration goes on; empty where it turns out to be complete} */
    abstract Optional<MigrationChannel> recover() throws IOException;

    /** {@return whether {@link #recover} can be tried again without anybody's help} */
    abstract boolean recoversByItself();

    /** {@return whether it is known, now that the connection is lost, that QEMU has the guest} */
    abstract boolean hasGuest();

    /** {@return whether it is known that QEMU has ended} */
    abstract boolean hasEnded();

    /** {@return the failure with QEMU's own words, where they can be had} */
    abstract IOException explained(IOException failure);

    /** Waits until its migration is over, and puts its settings back. */
    abstract void finish() throws IOException;

    /** {@return what QEMU says of the guest, where it can be asked} */
    abstract Optional<String> runState() throws IOException;

    /** Nothing is known of it but where it listens. */
    static final class Listening extends PostcopyQemu {
        private final MigrationUri uri;
        private final Optional<TlsClient> tls;

        Listening(MigrationUri uri, Optional<TlsClient> tls) {
            this.uri = uri;
            this.tls = tls;
        }

        @Override
        List<Long> hostPagesUnder(RamLayout layout, String machineType, boolean resume) {
            return Collections.nCopies(layout.blocks().size(), (long) Page.SIZE_BYTES);
        }

        @Override
        MigrationChannel connect() throws IOException {
            return tls.isPresent() ? uri.connect(CONNECT_TIMEOUT, tls.get()) : uri.connect(CONNECT_TIMEOUT);
        }

        @Override
        MigrationChannel connectAgain() throws IOException {
            return connect();
        }

        @Override
        Optional<MigrationChannel> recover() throws IOException {
            return Optional.of(connect());
        }

        @Override
        boolean recoversByItself() {
            return false;
        }

        @Override
        boolean hasGuest() {
            return false;
        }

        @Override
        boolean hasEnded() {
            return false;
        }

        @Override
        IOException explained(IOException failure) {
            return new IOException(failure.getMessage() + "; its standard error output says more", failure);
        }

        @Override
        void finish() {
            // SHUT(0) was the word.
        }

        @Override
        Optional<String> runState() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }
}
