package dev.godwit.transport;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Decides whether the other side's certificate is good, and says in words why it is not. */
final class TlsTrust extends X509ExtendedTrustManager {

    private final X509ExtendedTrustManager pkix;
    private final List<X509CRL> revocations;
    private final boolean verifyPeer;

    /**
     * Trust in authorities.
     *
     * @param authorities whose certificates are good
     * @param revocations lists of theirs, whose signatures have been checked
     * @param verifyPeer false to take every certificate
     */
    TlsTrust(List<X509Certificate> authorities, List<X509CRL> revocations, boolean verifyPeer) throws IOException {
        this.revocations = revocations;
        this.verifyPeer = verifyPeer;
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            for (int i = 0; i < authorities.size(); i++) {
                store.setCertificateEntry("authority-" + i, authorities.get(i));
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            pkix = (X509ExtendedTrustManager) factory.getTrustManagers()[0];
        } catch (GeneralSecurityException e) {
            throw new IOException("the certificates of the authorities cannot be used: " + e.getMessage(), e);
        }
    }

    private interface Check {
        void run() throws CertificateException;
    }

    private void check(X509Certificate[] chain, Check check) throws CertificateException {
        if (!verifyPeer) {
            return;
        }
        try {
            check.run();
        } catch (CertificateException e) {
            throw new CertificateException(subject(chain[0]) + " " + reason(e), e);
        }
        for (X509Certificate certificate : chain) {
            for (X509CRL list : revocations) {
                if (list.getIssuerX500Principal().equals(certificate.getIssuerX500Principal())
                        && list.isRevoked(certificate)) {
                    throw new CertificateException(subject(certificate) + " has been revoked");
                }
            }
        }
    }

    /** Checks a certificate of ours as the other side will, whatever is to be done with theirs. */
    void checkOwn(X509Certificate[] chain, boolean server) throws CertificateException {
        try {
            if (server) {
                pkix.checkServerTrusted(chain, "UNKNOWN");
            } else {
                pkix.checkClientTrusted(chain, "UNKNOWN");
            }
        } catch (CertificateException e) {
            throw new CertificateException(subject(chain[0]) + " " + reason(e), e);
        }
    }

    private static String subject(X509Certificate certificate) {
        return "the certificate of " + certificate.getSubjectX500Principal().getName();
    }

    private static String reason(CertificateException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateExpiredException) {
                return "has expired (" + cause.getMessage() + ")";
            }
            if (cause instanceof CertificateNotYetValidException) {
                return "is not valid yet (" + cause.getMessage() + ")";
            }
            if (cause instanceof CertPathBuilderException) {
                return "is signed by no authority in ca-cert.pem";
            }
        }
        return "is refused: " + e.getMessage();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, () -> pkix.checkClientTrusted(chain, authType, engine));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, () -> pkix.checkServerTrusted(chain, authType, engine));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, () -> pkix.checkClientTrusted(chain, authType, socket));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, () -> pkix.checkServerTrusted(chain, authType, socket));
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, () -> pkix.checkClientTrusted(chain, authType));
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, () -> pkix.checkServerTrusted(chain, authType));
    }

    /**
     * {@return no names} A source that is told some sends no certificate of another authority, and would be refused for
     * having none.
     */
    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }
}
