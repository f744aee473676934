package dev.godwit.operations;

import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.qmp.RunState;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The QEMU that takes a guest: one that listens already, or one that is told to through its control socket. */
abstract sealed class DestinationQemu implements Closeable {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    static DestinationQemu open(RestoreOptions.Destination destination) throws IOException {
        return switch (destination) {
            case RestoreOptions.Destination.Listening(MigrationUri uri, Optional<TlsClient> tls) ->
                new Listening(uri, tls);
            case RestoreOptions.Destination.Deferred(var address) -> new Deferred(QmpClient.connect(address));
        };
    }

    /** {@return a connection to its incoming migration} */
    abstract MigrationChannel connect() throws IOException;

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
        MigrationChannel connect() throws IOException {
            return tls.isPresent() ? uri.connect(CONNECT_TIMEOUT, tls.get()) : uri.connect(CONNECT_TIMEOUT);
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

        private final QmpClient qmp;
        private final QemuMonitor qemu;
        private final PrivateFolder folder;
        private @Nullable QemuSettings settings;

        Deferred(QmpClient qmp) throws IOException {
            this.qmp = qmp;
            this.qemu = new QemuMonitor(qmp);
            this.folder = new PrivateFolder(qmp.peerUser());
            folder.handOver();
        }

        @Override
        MigrationChannel connect() throws IOException {
            RunState state = qemu.queryStatus();
            if (!state.status().equals("inmigrate")) {
                throw new IOException("this QEMU does not wait for a guest (run state " + state.status()
                        + "); start it with -incoming defer");
            }
            settings = new QemuSettings(qemu);
            settings.onlyCapabilities(Set.of("events"));
            settings.parameter("tls-creds", new JsonString(""));
            MigrationUri uri = new MigrationUri.Unix(folder.resolve("migration.sock"));
            listen(JsonObject.of("uri", uri.toString()));
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
        IOException explained(IOException failure) {
            try {
                MigrationStatus status = qemu.queryMigrate();
                return status.errorDescription()
                        .map(words -> new IOException(failure.getMessage() + "; QEMU says: " + words, failure))
                        .orElse(failure);
            } catch (IOException gone) {
                failure.addSuppressed(gone);
                return new IOException(
                        failure.getMessage() + "; QEMU has ended, and its standard error output says why", failure);
            }
        }

        @Override
        void awaitGuest() throws IOException {
            while (qemu.queryStatus().status().equals("inmigrate")) {
                MigrationStatus status = qemu.queryMigrate();
                if (status.isFailed()) {
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
            return Optional.of(qemu.queryStatus().status());
        }

        /** A QEMU that has ended cannot be put back, and needs not be. */
        @Override
        public void close() throws IOException {
            try (qmp;
                    folder) {
                if (settings != null) {
                    settings.putBack();
                }
            } catch (IOException e) {
                if (qmp.isConnected()) {
                    throw e;
                }
            }
        }
    }
}
