package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import dev.godwit.transport.TlsCredentials.Endpoint;
import dev.godwit.transport.TlsServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/**
 * Opens the connections of one migration, inside TLS where the parameters said so when it was set up. Thread-safe.
 *
 * @param client how to connect
 * @param server how to listen
 */
record MachineChannels(Optional<TlsClient> client, Optional<TlsServer> server) {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(30);

    /**
     * {@return the connections of an outgoing migration}
     *
     * @throws ControlException if the credentials are not to be had
     */
    static MachineChannels outgoing(MigrationParameters parameters, TlsObjects objects) throws ControlException {
        String name = parameters.text(MigrationParameter.TLS_CREDS);
        if (name.isEmpty()) {
            return new MachineChannels(Optional.empty(), Optional.empty());
        }
        Optional<String> hostname =
                Optional.of(parameters.text(MigrationParameter.TLS_HOSTNAME)).filter(text -> !text.isBlank());
        TlsClient tls = new TlsClient(objects.find(name, Endpoint.CLIENT), hostname);
        return new MachineChannels(Optional.of(tls), Optional.empty());
    }

    /**
     * {@return the connections of an incoming migration}
     *
     * @throws ControlException if the credentials are not to be had
     */
    static MachineChannels incoming(MigrationParameters parameters, TlsObjects objects) throws ControlException {
        String name = parameters.text(MigrationParameter.TLS_CREDS);
        if (name.isEmpty()) {
            return new MachineChannels(Optional.empty(), Optional.empty());
        }
        TlsServer tls = new TlsServer(objects.find(name, Endpoint.SERVER), false);
        return new MachineChannels(Optional.empty(), Optional.of(tls));
    }

    boolean secured() {
        return client.isPresent() || server.isPresent();
    }

    MigrationChannel connect(MigrationUri uri) throws IOException {
        return client.isPresent() ? uri.connect(CONNECT_TIMEOUT, client.get()) : uri.connect(CONNECT_TIMEOUT);
    }

    MigrationListener listen(MigrationUri uri) throws IOException {
        return server.isPresent() ? MigrationListener.open(uri, server.get()) : MigrationListener.open(uri);
    }
}
