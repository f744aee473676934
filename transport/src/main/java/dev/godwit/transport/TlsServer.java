package dev.godwit.transport;

/**
 * How a destination secures its connections: QEMU's {@code tls-creds}.
 *
 * @param credentials of a server
 * @param hangUpIsAnEnd whether a source may end a channel by hanging up without the goodbye of TLS (close_notify),
 *     between two records. QEMU ends its main channel so, and before machine types 10.0 those of multifd; whoever reads
 *     them has then to know by himself whether they are whole. False: that is refused as an attacker's cut
 */
public record TlsServer(TlsCredentials credentials, boolean hangUpIsAnEnd) {

    /**
     * Checks the endpoint.
     *
     * @throws IllegalArgumentException if the credentials are a client's
     */
    public TlsServer {
        if (credentials.endpoint() != TlsCredentials.Endpoint.SERVER) {
            throw new IllegalArgumentException("a destination needs credentials of a server");
        }
    }
}
