package dev.godwit.transport;

import java.io.IOException;
import java.util.Optional;

/**
 * How a source secures its connections: QEMU's {@code tls-creds} and {@code tls-hostname}.
 *
 * @param credentials of a client
 * @param hostname whose certificate the destination has to have, where that is not the host of a {@code tcp:} URI
 */
public record TlsClient(TlsCredentials credentials, Optional<String> hostname) {

    /**
     * Checks the endpoint and the name.
     *
     * @throws IllegalArgumentException if the credentials are a server's, or the name is empty
     */
    public TlsClient {
        if (credentials.endpoint() != TlsCredentials.Endpoint.CLIENT) {
            throw new IllegalArgumentException("a source needs credentials of a client");
        }
        if (hostname.filter(String::isBlank).isPresent()) {
            throw new IllegalArgumentException("a TLS host name is not empty");
        }
    }

    /**
     * {@return the name that the certificate is checked for} As with QEMU a certificate is never taken for just
     * anybody's: without a host in the URI a name has to be given.
     *
     * @throws IOException if there is none and the other side is to be verified
     */
    Optional<String> nameFor(MigrationUri uri) throws IOException {
        Optional<String> name = hostname;
        if (name.isEmpty() && uri instanceof MigrationUri.Tcp tcp) {
            name = Optional.of(tcp.host().isEmpty() ? "127.0.0.1" : tcp.host());
        }
        if (name.isEmpty() && credentials.verifyPeer()) {
            throw new IOException(uri + ": names no host to check the destination's certificate for;"
                    + " give the name in it as tls-hostname");
        }
        return name;
    }
}
