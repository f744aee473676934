package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;

/**
 * The private key of a certificate, from a PEM file: PKCS#8, or one of the older notations, which are the inside of
 * PKCS#8 without the name of the algorithm. That name is the certificate's.
 */
final class PemPrivateKey {

    private static final int SEQUENCE = 0x30;
    private static final int OCTET_STRING = 0x04;
    private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};

    private PemPrivateKey() {}

    /**
     * Reads the first private key of a file.
     *
     * @param owner the certificate's key, which it has to belong to
     * @throws IOException if there is none, it is of an unsupported kind, or does not belong to the certificate
     */
    static PrivateKey read(Path file, PublicKey owner) throws IOException {
        for (Pem.Block block : Pem.read(file)) {
            switch (block.type()) {
                case "PRIVATE KEY" -> {
                    return checked(file, block.der(), owner);
                }
                case "RSA PRIVATE KEY", "EC PRIVATE KEY" -> {
                    return checked(file, inPkcs8(block.der(), algorithm(owner)), owner);
                }
                case "ENCRYPTED PRIVATE KEY" ->
                    throw new IOException(file + ": the key is encrypted, which is not supported; decrypt it with"
                            + " 'openssl pkey -in KEY -out PLAIN'");
                default -> {
                    // EC PARAMETERS stand before some keys, and certificates may
                }
            }
        }
        throw new IOException(file + ": has no private key in PEM");
    }

    private static PrivateKey checked(Path file, byte[] pkcs8, PublicKey owner) throws IOException {
        String signature = switch (owner.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            case "EdDSA" -> "EdDSA";
            case String other ->
                throw new IOException(
                        file + ": keys of the kind " + other + " are not supported; RSA, EC and EdDSA are");
        };
        PrivateKey key;
        boolean matches;
        try {
            key = KeyFactory.getInstance(owner.getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            matches = signs(signature, key, owner);
        } catch (GeneralSecurityException e) {
            throw new IOException(
                    file + ": has no usable " + owner.getAlgorithm() + " key, which its certificate asks for", e);
        }
        if (!matches) {
            throw new IOException(file + ": the key does not belong to the certificate beside it");
        }
        return key;
    }

    private static boolean signs(String algorithm, PrivateKey key, PublicKey owner) throws GeneralSecurityException {
        byte[] text = new byte[32];
        new SecureRandom().nextBytes(text);
        Signature signing = Signature.getInstance(algorithm);
        signing.initSign(key);
        signing.update(text);
        byte[] signature = signing.sign();
        Signature verifying = Signature.getInstance(algorithm);
        verifying.initVerify(owner);
        verifying.update(text);
        return verifying.verify(signature);
    }

    /**
     * {@return the AlgorithmIdentifier at the start of a SubjectPublicKeyInfo} The JDK wrote it, so it is well-formed.
     */
    private static byte[] algorithm(PublicKey owner) {
        ByteBuffer der = ByteBuffer.wrap(owner.getEncoded());
        enter(der);
        int start = der.position();
        int end = enter(der) + der.position();
        byte[] identifier = new byte[end - start];
        der.get(start, identifier);
        return identifier;
    }

    /** Steps over tag and length; returns the length. */
    private static int enter(ByteBuffer der) {
        der.get();
        int first = der.get() & 0xff;
        int length = first < 0x80 ? first : 0;
        for (int i = 0x80; i < first; i++) {
            length = (length << 8) | (der.get() & 0xff);
        }
        return length;
    }

    private static byte[] inPkcs8(byte[] key, byte[] algorithm) {
        return der(SEQUENCE, VERSION_0, algorithm, der(OCTET_STRING, key));
    }

    private static byte[] der(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer out =
                ByteBuffer.allocate(length + 6).put((byte) tag).put((byte) 0x84).putInt(length);
        for (byte[] part : parts) {
            out.put(part);
        }
        return out.array();
    }
}
