package dev.godwit.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** A certificate authority of a test, and the certificates that it signs (RFC 5280). */
public final class TestAuthority {

    private static final String SHA256_WITH_ECDSA = "1.2.840.10045.4.3.2";
    private static final String P256 = "1.2.840.10045.3.1.7";
    private static final int P256_BYTES = 32;
    private static final int P256_POINT_BYTES = 1 + 2 * P256_BYTES;
    private static final String COMMON_NAME = "2.5.4.3";
    private static final String KEY_USAGE = "2.5.29.15";
    private static final String SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
    private static final String BASIC_CONSTRAINTS = "2.5.29.19";
    private static final String EXTENDED_KEY_USAGE = "2.5.29.37";
    private static final String FOR_SERVERS = "1.3.6.1.5.5.7.3.1";
    private static final String FOR_CLIENTS = "1.3.6.1.5.5.7.3.2";

    /** The kinds of keys that certificates may have. */
    public enum KeyKind {
        /** NIST P-256. */
        EC,
        /** 2048 bits. */
        RSA
    }

    /**
     * A certificate and its key.
     *
     * @param serialNumber by which it can be revoked
     * @param certificate in DER
     * @param keys its keys
     */
    @SuppressWarnings("ArrayRecordComponent") // written to a file, never compared
    public record Issued(BigInteger serialNumber, byte[] certificate, KeyPair keys) {
        /** {@return its private key} */
        public PrivateKey key() {
            return keys.getPrivate();
        }
    }

    /**
     * From when to when a certificate is good.
     *
     * @param from the first moment
     * @param to the last
     */
    public record Validity(Instant from, Instant to) {
        /** From yesterday to tomorrow. */
        public static Validity now() {
            return around(Duration.ZERO);
        }

        /** {@return two days around a moment as far from now} */
        public static Validity around(Duration fromNow) {
            Instant middle = Instant.now().plus(fromNow);
            return new Validity(middle.minus(Duration.ofDays(1)), middle.plus(Duration.ofDays(1)));
        }
    }

    private final String name;
    private final KeyPair keys = generate(KeyKind.EC);
    private final byte[] certificate;
    private int lastSerialNumber = 1;

    /** An authority whose certificate is good now. */
    public TestAuthority(String name) {
        this(name, Validity.now());
    }

    /** An authority whose certificate is good at some time. */
    public TestAuthority(String name, Validity validity) {
        this.name = name;
        byte[] extensions = Der.sequence(
                extension(BASIC_CONSTRAINTS, true, Der.sequence(Der.bool(true))),
                extension(KEY_USAGE, true, Der.bits(1, new byte[] {0x06})));
        this.certificate = sign(name, BigInteger.ONE, validity, keys, extensions);
    }

    /** {@return a certificate for a server and client, with an EC key, good now} */
    public Issued issue(String commonName, String... alternativeNames) {
        return issue(commonName, KeyKind.EC, Validity.now(), alternativeNames);
    }

    /**
     * {@return a certificate for a server and client}
     *
     * @param alternativeNames host names and IP addresses
     */
    public Issued issue(String commonName, KeyKind kind, Validity validity, String... alternativeNames) {
        lastSerialNumber++;
        KeyPair own = generate(kind);
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        for (String alternative : alternativeNames) {
            names.writeBytes(generalName(alternative));
        }
        byte[] basic = extension(BASIC_CONSTRAINTS, true, Der.sequence());
        byte[] usage = extension(KEY_USAGE, true, Der.bits(5, new byte[] {(byte) 0xa0}));
        byte[] purposes =
                extension(EXTENDED_KEY_USAGE, false, Der.sequence(Der.oid(FOR_SERVERS), Der.oid(FOR_CLIENTS)));
        byte[] alternatives = alternativeNames.length == 0
                ? new byte[0]
                : extension(SUBJECT_ALTERNATIVE_NAME, false, Der.sequence(names.toByteArray()));
        BigInteger serialNumber = BigInteger.valueOf(lastSerialNumber);
        byte[] der = sign(commonName, serialNumber, validity, own, Der.sequence(basic, usage, purposes, alternatives));
        return new Issued(serialNumber, der, own);
    }

    /** Writes {@code ca-cert.pem} into a folder of credentials, and makes the folder. */
    public void trustIn(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("ca-cert.pem"), pem("CERTIFICATE", certificate));
    }

    /** Writes {@code ca-crl.pem} with certificates that are good no longer. */
    public void revokeIn(Path folder, List<Issued> revoked, Validity validity) throws IOException {
        ByteArrayOutputStream entries = new ByteArrayOutputStream();
        for (Issued one : revoked) {
            entries.writeBytes(Der.sequence(Der.integer(one.serialNumber()), Der.time(validity.from())));
        }
        byte[] list = signed(Der.sequence(
                Der.integer(BigInteger.ONE),
                Der.sequence(Der.oid(SHA256_WITH_ECDSA)),
                distinguishedName(name),
                Der.time(validity.from()),
                Der.time(validity.to()),
                revoked.isEmpty() ? new byte[0] : Der.sequence(entries.toByteArray())));
        Files.writeString(folder.resolve("ca-crl.pem"), pem("X509 CRL", list));
    }

    /**
     * Writes certificate and key in PEM, the key for its owner only.
     *
     * @param role {@code server} or {@code client}
     */
    public static void write(Path folder, String role, Issued issued) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(role + "-cert.pem"), pem("CERTIFICATE", issued.certificate()));
        Path key = folder.resolve(role + "-key.pem");
        Files.deleteIfExists(key);
        Files.createFile(key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(
                key,
                issued.keys().getPrivate() instanceof ECPrivateKey own
                        ? pem("EC PRIVATE KEY", sec1(own, (ECPublicKey)
                                issued.keys().getPublic()))
                        : pem("PRIVATE KEY", issued.key().getEncoded()));
    }

    /** GnuTLS wants the public key beside the private one, which the JDK's own encoding leaves out. */
    private static byte[] sec1(ECPrivateKey key, ECPublicKey publicKey) {
        byte[] point = Arrays.copyOfRange(
                publicKey.getEncoded(),
                publicKey.getEncoded().length - P256_POINT_BYTES,
                publicKey.getEncoded().length);
        byte[] number = key.getS().toByteArray();
        byte[] fixed = new byte[P256_BYTES];
        int used = Math.min(number.length, P256_BYTES);
        System.arraycopy(number, number.length - used, fixed, P256_BYTES - used, used);
        return Der.sequence(
                Der.integer(BigInteger.ONE),
                Der.octets(fixed),
                Der.tagged(0xa0, Der.oid(P256)),
                Der.tagged(0xa1, Der.bits(0, point)));
    }

    /** {@return a block of a PEM file} */
    public static String pem(String type, byte[] der) {
        return "-----BEGIN " + type + "-----\n"
                + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
                        .encodeToString(der) + "\n-----END "
                + type + "-----\n";
    }

    private static KeyPair generate(KeyKind kind) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.name());
            switch (kind) {
                case EC -> generator.initialize(new ECGenParameterSpec("secp256r1"));
                case RSA -> generator.initialize(2048);
            }
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private byte[] sign(
            String commonName, BigInteger serialNumber, Validity validity, KeyPair owner, byte[] extensions) {
        return signed(Der.sequence(
                Der.tagged(0xa0, Der.integer(BigInteger.TWO)),
                Der.integer(serialNumber),
                Der.sequence(Der.oid(SHA256_WITH_ECDSA)),
                distinguishedName(name),
                Der.sequence(Der.time(validity.from()), Der.time(validity.to())),
                distinguishedName(commonName),
                owner.getPublic().getEncoded(),
                Der.tagged(0xa3, extensions)));
    }

    private byte[] signed(byte[] content) {
        try {
            Signature signature = Signature.getInstance("SHA256withECDSA");
            signature.initSign(keys.getPrivate());
            signature.update(content);
            return Der.sequence(content, Der.sequence(Der.oid(SHA256_WITH_ECDSA)), Der.bits(0, signature.sign()));
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] distinguishedName(String commonName) {
        return Der.sequence(Der.set(Der.sequence(Der.oid(COMMON_NAME), Der.utf8(commonName))));
    }

    private static byte[] extension(String oid, boolean critical, byte[] content) {
        return Der.sequence(Der.oid(oid), critical ? Der.bool(true) : new byte[0], Der.octets(content));
    }

    private static byte[] generalName(String name) {
        boolean address = name.indexOf(':') >= 0 || name.matches("[0-9.]+");
        return address
                ? Der.tagged(0x87, InetAddress.ofLiteral(name).getAddress())
                : Der.tagged(0x82, name.getBytes(StandardCharsets.US_ASCII));
    }
}
