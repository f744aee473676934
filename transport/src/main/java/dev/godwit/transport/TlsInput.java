package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;

/** What comes over a TLS session, decrypted. Read by one thread at a time. */
final class TlsInput {

    private final SSLEngine engine;
    private final TlsRecords records;
    private final String remote;
    private final boolean hangUpIsAnEnd;
    private final Runnable answer;
    private volatile boolean heard;
    private volatile boolean shutDown;
    private boolean ended;

    /** Decrypted and not yet read, from position to limit. */
    private ByteBuffer decrypted = ByteBuffer.allocate(0);

    /**
     * The input of a session whose handshake is done before it is read.
     *
     * @param hangUpIsAnEnd whether it may end without a goodbye
     * @param answer called by the reader when the session itself has something to say; must not wait for a writer
     */
    TlsInput(SSLEngine engine, TlsRecords records, String remote, boolean hangUpIsAnEnd, Runnable answer) {
        this.engine = engine;
        this.records = records;
        this.remote = remote;
        this.hangUpIsAnEnd = hangUpIsAnEnd;
        this.answer = answer;
    }

    /** {@return whether a read has its answer without the connection} */
    boolean isReady() {
        return decrypted.hasRemaining() || ended;
    }

    /** {@return whether anything has been decrypted} */
    boolean wasHeard() {
        return heard;
    }

    /** Whatever end comes now is a good one. */
    void shutDown() {
        shutDown = true;
    }

    /** Reads at least one byte, if there is room for it; -1 at the end. */
    int read(ByteBuffer target) throws IOException {
        if (!target.hasRemaining()) {
            return 0;
        }
        if (decrypted.hasRemaining()) {
            return drain(target);
        }
        return ended ? -1 : receive(target);
    }

    /** Decrypts straight into the target where a record fits, until at least one byte is there or the end. */
    private int receive(ByteBuffer target) throws IOException {
        int recordBytes = engine.getSession().getApplicationBufferSize();
        boolean direct = target.remaining() >= recordBytes;
        if (!direct && decrypted.capacity() < recordBytes) {
            decrypted = ByteBuffer.allocate(recordBytes).limit(0);
        }
        int start = target.position();
        while (true) {
            SSLEngineResult result = records.decrypt(direct ? target : decrypted.clear());
            if (!direct) {
                decrypted.flip();
            }
            switch (result.getStatus()) {
                case OK -> afterRecord();
                case BUFFER_UNDERFLOW -> {
                    if (target.position() > start) {
                        return target.position() - start;
                    }
                    if (!receiveMore()) {
                        return end();
                    }
                }
                case BUFFER_OVERFLOW -> {
                    if (target.position() > start) {
                        return target.position() - start;
                    }
                    // the engine has grown its idea of a record
                    direct = false;
                    decrypted = ByteBuffer.allocate(longerRecordBytes()).limit(0);
                }
                case CLOSED -> {
                    ended = true;
                    return target.position() > start ? target.position() - start : -1;
                }
            }
            if (decrypted.hasRemaining()) {
                heard = true;
                return drain(target);
            }
            heard |= target.position() > start;
        }
    }

    private boolean receiveMore() throws IOException {
        try {
            return records.receive();
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            throw heard ? e : new IOException(hungUpEarly() + " (" + e.getMessage() + ")", e);
        }
    }

    private int longerRecordBytes() throws IOException {
        int recordBytes = engine.getSession().getApplicationBufferSize();
        if (recordBytes <= decrypted.capacity()) {
            throw new IOException(remote + ": a TLS record of more than " + recordBytes + " bytes");
        }
        return recordBytes;
    }

    private int drain(ByteBuffer target) {
        int bytes = Math.min(decrypted.remaining(), target.remaining());
        target.put(decrypted.slice().limit(bytes));
        decrypted.position(decrypted.position() + bytes);
        return bytes;
    }

    /** Messages of the session itself come between those of the migration. */
    private void afterRecord() throws IOException {
        HandshakeStatus status = engine.getHandshakeStatus();
        if (status == HandshakeStatus.NOT_HANDSHAKING) {
            return;
        }
        if (!engine.getSession().getProtocol().equals("TLSv1.3") && !engine.isInboundDone()) {
            throw new IOException(remote + " asks for a new TLS handshake, which is not supported");
        }
        if (status == HandshakeStatus.NEED_WRAP) {
            answer.run();
        }
    }

    private int end() throws IOException {
        if (!shutDown) {
            if (!heard) {
                throw new IOException(hungUpEarly());
            }
            if (records.received().hasRemaining()) {
                throw new IOException(remote + ": the connection was cut in the middle of a TLS record");
            }
            if (!hangUpIsAnEnd) {
                throw new IOException(remote + ": the connection was cut: it ended without the goodbye of TLS");
            }
        }
        ended = true;
        return -1;
    }

    /** QEMU looks at a certificate only after the handshake, and then hangs up without an alert. */
    String hungUpEarly() {
        return remote
                + ": hung up after the TLS handshake without a word; it may have refused the certificate"
                + " that it was shown, and says so itself";
    }
}
