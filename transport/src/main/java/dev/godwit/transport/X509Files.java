package dev.godwit.transport;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CRLException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** Certificates and revocation lists in PEM files; every failure names the file. */
final class X509Files {

    private X509Files() {}

    /** {@return the certificates of a file, at least one} */
    static List<X509Certificate> certificates(Path file) throws IOException {
        List<X509Certificate> certificates = new ArrayList<>();
        for (Pem.Block block : Pem.read(file)) {
            if (block.type().equals("CERTIFICATE") || block.type().equals("X509 CERTIFICATE")) {
                try {
                    certificates.add(
                            (X509Certificate) factory().generateCertificate(new ByteArrayInputStream(block.der())));
                } catch (CertificateException e) {
                    throw new IOException(file + ": has a damaged certificate: " + e.getMessage(), e);
                }
            }
        }
        if (certificates.isEmpty()) {
            throw new IOException(file + ": has no certificate in PEM");
        }
        return certificates;
    }

    static void checkDates(Path file, X509Certificate certificate) throws IOException {
        String subject = certificate.getSubjectX500Principal().getName();
        try {
            certificate.checkValidity();
        } catch (CertificateExpiredException e) {
            throw new IOException(
                    file + ": the certificate of " + subject + " expired at "
                            + certificate.getNotAfter().toInstant(),
                    e);
        } catch (CertificateNotYetValidException e) {
            throw new IOException(
                    file + ": the certificate of " + subject + " is not valid before "
                            + certificate.getNotBefore().toInstant(),
                    e);
        }
    }

    /** {@return the revocation lists of a file, each signed by an authority; none where there is no such file} */
    static List<X509CRL> revocations(Path file, List<X509Certificate> authorities) throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        List<X509CRL> lists = new ArrayList<>();
        for (Pem.Block block : Pem.read(file)) {
            if (block.type().equals("X509 CRL")) {
                try {
                    X509CRL list = (X509CRL) factory().generateCRL(new ByteArrayInputStream(block.der()));
                    checkList(file, list, authorities);
                    lists.add(list);
                } catch (CertificateException | CRLException e) {
                    throw new IOException(file + ": has a damaged revocation list: " + e.getMessage(), e);
                }
            }
        }
        if (lists.isEmpty()) {
            throw new IOException(file + ": has no revocation list in PEM");
        }
        return lists;
    }

    private static void checkList(Path file, X509CRL list, List<X509Certificate> authorities) throws IOException {
        Date next = list.getNextUpdate();
        if (next != null && next.toInstant().isBefore(Instant.now())) {
            throw new IOException(
                    file + ": the revocation list is out of date: the next was due at " + next.toInstant());
        }
        for (X509Certificate authority : authorities) {
            if (authority.getSubjectX500Principal().equals(list.getIssuerX500Principal())) {
                try {
                    list.verify(authority.getPublicKey());
                    return;
                } catch (GeneralSecurityException e) {
                    throw new IOException(
                            file + ": the revocation list is not signed by its authority: " + e.getMessage(), e);
                }
            }
        }
        throw new IOException(file + ": the revocation list is of "
                + list.getIssuerX500Principal().getName() + ", no authority in ca-cert.pem");
    }

    private static CertificateFactory factory() throws CertificateException {
        return CertificateFactory.getInstance("X.509");
    }
}
