package dev.godwit.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;

/**
 * X.509 certificates for TLS, from a folder with the file names of QEMU's {@code tls-creds-x509}:
 *
 * <pre>
 * ca-cert.pem                      the authorities that are trusted, one or several
 * ca-crl.pem                       what they have revoked, where there is such a file
 * server-cert.pem, server-key.pem  a server's certificate, then those up to an authority, and its key
 * client-cert.pem, client-key.pem  the same for a client; a client may have none
 * </pre>
 *
 * <p>Everything is checked when it is loaded: form, dates, that the key belongs to the certificate, that the authority
 * signed it. Pre-shared keys and anonymous TLS are not supported. Immutable, for any number of connections.
 */
public final class TlsCredentials {

    /** Which side of a connection they are for; a migration's destination is the server. */
    public enum Endpoint {
        /** Waits for connections. */
        SERVER,
        /** Connects. */
        CLIENT
    }

    /**
     * TLS 1.3 sends no session ticket where a session lasts longer than the seven days that a ticket may. A source
     * never reads its multifd channels: it would close them with the ticket unread, and that resets the connection
     * under pages still on their way.
     */
    private static final int TOO_LONG_FOR_A_TICKET_SECONDS = 7 * 24 * 3600 + 1;

    private static final Set<PosixFilePermission> FOR_OTHERS =
            Set.of(PosixFilePermission.GROUP_READ, PosixFilePermission.OTHERS_READ);

    private final Endpoint endpoint;
    private final boolean verifyPeer;
    private final SSLContext context;
    private final List<String> warnings;

    private TlsCredentials(Endpoint endpoint, boolean verifyPeer, SSLContext context, List<String> warnings) {
        this.endpoint = endpoint;
        this.verifyPeer = verifyPeer;
        this.context = context;
        this.warnings = List.copyOf(warnings);
    }

    /**
     * Loads a folder.
     *
     * @param verifyPeer whether the other side's certificate is checked: a server then asks for one. QEMU's
     *     {@code verify-peer}
     * @throws IOException if something is missing, damaged, out of date, does not fit together, or is of a kind that is
     *     not supported; the message names the file
     */
    public static TlsCredentials load(Path folder, Endpoint endpoint, boolean verifyPeer) throws IOException {
        refuseOtherKinds(folder);
        Path authoritiesFile = folder.resolve("ca-cert.pem");
        List<X509Certificate> authorities = X509Files.certificates(authoritiesFile);
        for (X509Certificate authority : authorities) {
            X509Files.checkDates(authoritiesFile, authority);
        }
        List<X509CRL> revocations = X509Files.revocations(folder.resolve("ca-crl.pem"), authorities);
        TlsTrust trust = new TlsTrust(authorities, revocations, verifyPeer);
        List<String> warnings = new ArrayList<>();
        Optional<TlsKey> key = key(folder, endpoint, trust, warnings);
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(key.stream().toArray(KeyManager[]::new), new TrustManager[] {trust}, null);
            context.getServerSessionContext().setSessionTimeout(TOO_LONG_FOR_A_TICKET_SECONDS);
            return new TlsCredentials(endpoint, verifyPeer, context, warnings);
        } catch (GeneralSecurityException e) {
            throw new IOException("this JVM has no TLS: " + e.getMessage(), e);
        }
    }

    private static void refuseOtherKinds(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new IOException(folder + ": no such folder, or no folder; TLS credentials are one with ca-cert.pem");
        }
        if (Files.exists(folder.resolve("ca-cert.pem"))) {
            return;
        }
        if (Files.exists(folder.resolve("keys.psk"))) {
            throw new IOException(folder + ": has pre-shared keys (tls-creds-psk), which are not supported; x509 is");
        }
        if (Files.exists(folder.resolve("dh-params.pem"))) {
            throw new IOException(folder + ": is for anonymous TLS (tls-creds-anon), which is not supported; x509 is");
        }
    }

    private static Optional<TlsKey> key(Path folder, Endpoint endpoint, TlsTrust trust, List<String> warnings)
            throws IOException {
        boolean server = endpoint == Endpoint.SERVER;
        Path certificateFile = folder.resolve(server ? "server-cert.pem" : "client-cert.pem");
        Path keyFile = folder.resolve(server ? "server-key.pem" : "client-key.pem");
        if (!server && !Files.exists(certificateFile) && !Files.exists(keyFile)) {
            return Optional.empty();
        }
        X509Certificate[] chain = X509Files.certificates(certificateFile).toArray(X509Certificate[]::new);
        X509Files.checkDates(certificateFile, chain[0]);
        TlsKey key = new TlsKey(PemPrivateKey.read(keyFile, chain[0].getPublicKey()), chain);
        try {
            trust.checkOwn(chain, server);
        } catch (CertificateException e) {
            throw new IOException(certificateFile + ": " + e.getMessage(), e);
        }
        if (Files.getPosixFilePermissions(keyFile).stream().anyMatch(FOR_OTHERS::contains)) {
            warnings.add(keyFile + ": others can read this private key; 'chmod 600' mends that");
        }
        return Optional.of(key);
    }

    /** {@return which side they are for} */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** {@return whether the other side's certificate is checked} */
    public boolean verifyPeer() {
        return verifyPeer;
    }

    /** {@return what is not as it should be, and does not keep them from being used, in words for people} */
    public List<String> warnings() {
        return warnings;
    }

    /** {@return the state of one connection of a server} */
    SSLEngine serverEngine() {
        require(Endpoint.SERVER);
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        SSLParameters parameters = parameters(engine);
        parameters.setNeedClientAuth(verifyPeer);
        engine.setSSLParameters(parameters);
        return engine;
    }

    /**
     * {@return the state of one connection of a client}
     *
     * @param hostname whose certificate the server has to have; not needed where it is not verified
     */
    SSLEngine clientEngine(Optional<String> hostname) {
        require(Endpoint.CLIENT);
        SSLEngine engine =
                hostname.map(name -> context.createSSLEngine(name, -1)).orElseGet(context::createSSLEngine);
        engine.setUseClientMode(true);
        SSLParameters parameters = parameters(engine);
        if (verifyPeer) {
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
        }
        engine.setSSLParameters(parameters);
        return engine;
    }

    private static SSLParameters parameters(SSLEngine engine) {
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
        return parameters;
    }

    private void require(Endpoint wanted) {
        if (endpoint != wanted) {
            throw new IllegalArgumentException("credentials of a " + endpoint + " used as those of a " + wanted);
        }
    }
}
