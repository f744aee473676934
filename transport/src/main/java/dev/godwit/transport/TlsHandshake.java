package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.cert.CertificateException;
import java.util.HexFormat;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Brings a TLS session about, or says in words why there is none. */
final class TlsHandshake {

    /** The first byte of a record: its content type. */
    private static final int ALERT = 21;

    private static final int HANDSHAKE = 22;
    private static final int SHOWN_BYTES = 8;

    private final SSLEngine engine;
    private final TlsRecords records;
    private final String remote;
    private boolean heard;

    TlsHandshake(SSLEngine engine, TlsRecords records, String remote) {
        this.engine = engine;
        this.records = records;
        this.remote = remote;
    }

    /** Returns when both sides are agreed; what the other side has sent after that is kept in the records. */
    void run() throws TlsHandshakeException {
        try {
            engine.beginHandshake();
            ByteBuffer nothing = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
            HandshakeStatus status = engine.getHandshakeStatus();
            while (status != HandshakeStatus.FINISHED && status != HandshakeStatus.NOT_HANDSHAKING) {
                status = step(status, nothing);
            }
        } catch (TlsHandshakeException e) {
            throw e;
        } catch (SSLException e) {
            sendAlert(e);
            throw failed(reason(e), e);
        } catch (IOException e) {
            throw failed(hungUp(), e);
        }
    }

    private HandshakeStatus step(HandshakeStatus status, ByteBuffer nothing) throws IOException {
        SSLEngineResult result = switch (status) {
            case NEED_WRAP -> records.sendOwn();
            case NEED_UNWRAP, NEED_UNWRAP_AGAIN, NEED_TASK -> decrypt(nothing);
            case FINISHED, NOT_HANDSHAKING -> throw new AssertionError(status);
        };
        if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
            throw failed("the other side ended the TLS session in its handshake", null);
        }
        // tasks have been run since the result was made
        return result.getHandshakeStatus() == HandshakeStatus.FINISHED
                ? HandshakeStatus.FINISHED
                : engine.getHandshakeStatus();
    }

    private SSLEngineResult decrypt(ByteBuffer nothing) throws IOException {
        while (true) {
            SSLEngineResult result = records.decrypt(nothing);
            if (result.getStatus() != SSLEngineResult.Status.BUFFER_UNDERFLOW) {
                return result;
            }
            if (!records.receive()) {
                throw failed(hungUp(), null);
            }
            if (!heard) {
                heard = true;
                checkFirstBytes(records.received());
            }
        }
    }

    private void checkFirstBytes(ByteBuffer first) throws TlsHandshakeException {
        int type = first.get(0);
        if (type == HANDSHAKE || (engine.getUseClientMode() && type == ALERT)) {
            return;
        }
        byte[] shown = new byte[Math.min(SHOWN_BYTES, first.remaining())];
        first.get(0, shown);
        throw failed(
                "expected a TLS " + (engine.getUseClientMode() ? "ServerHello" : "ClientHello") + ", found "
                        + HexFormat.ofDelimiter(" ").formatHex(shown) + meaning(first) + ": is tls-creds set at the "
                        + (engine.getUseClientMode() ? "destination?" : "source?"),
                null);
    }

    private static String meaning(ByteBuffer first) {
        return first.remaining() >= 4 && first.getInt(0) == 0x5145_564d ? " (QEVM, a migration without TLS)" : "";
    }

    private String hungUp() {
        if (!heard) {
            return engine.getUseClientMode()
                    ? "the destination hung up before it answered the TLS ClientHello: is tls-creds set there?"
                    : "the other side hung up before it said anything";
        }
        return "the other side hung up in the middle of the TLS handshake";
    }

    private static String reason(SSLException e) {
        for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException certificate) {
                return "" + certificate.getMessage();
            }
        }
        String message = String.valueOf(e.getMessage());
        return message.contains("Empty client certificate chain")
                ? "the source showed no certificate: its tls-creds need client-cert.pem and client-key.pem, or"
                        + " verify-peer is switched off here"
                : alert(e);
    }

    /** {@return the words of a failure, with what the other side's alert means where it is one} */
    static String alert(IOException e) {
        String message = String.valueOf(e.getMessage());
        int at = message.indexOf("Received fatal alert: ");
        if (at < 0) {
            return message;
        }
        String alert = message.substring(at + "Received fatal alert: ".length());
        return "the other side refused the TLS session: " + alert
                + switch (alert) {
                    case "certificate_required" -> " (it asks for a certificate, and was shown none)";
                    case "bad_certificate", "unknown_ca", "certificate_unknown" ->
                        " (it does not accept the certificate that it was shown)";
                    case "certificate_expired" -> " (the certificate that it was shown has expired)";
                    default -> "";
                };
    }

    /** What the engine has to say of the failure; a connection that cannot take it changes nothing. */
    private void sendAlert(SSLException failure) {
        try {
            while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP
                    && records.sendOwn().bytesProduced() > 0) {
                // until everything is said
            }
        } catch (IOException e) {
            if (!failure.equals(e)) {
                failure.addSuppressed(e);
            }
        }
    }

    private TlsHandshakeException failed(String why, @Nullable Throwable cause) {
        return new TlsHandshakeException(remote + ": " + why, !heard, cause);
    }
}
