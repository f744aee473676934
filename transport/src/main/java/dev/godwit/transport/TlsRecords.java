package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;

/**
 * The records of a TLS session on their way between its engine and the connection. One thread may receive while another
 * sends: the two halves have nothing in common but the engine, which allows for that.
 */
final class TlsRecords {

    /** Room for several records, so that they share a system call; the longest that a peer may send is 33093 bytes. */
    private static final int RECEIVE_BYTES = 64 << 10;

    /** The same for what is sent, once more is to be sent than the session's own messages. */
    private static final int SEND_BYTES = 128 << 10;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final SSLEngine engine;
    private final MigrationChannel connection;

    /** Between two calls from position to limit: what has come and is not decrypted. */
    private final ByteBuffer received = ByteBuffer.allocate(RECEIVE_BYTES).limit(0);

    private ByteBuffer toSend;

    TlsRecords(SSLEngine engine, MigrationChannel connection) {
        this.engine = engine;
        this.connection = connection;
        this.toSend = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    }

    /** {@return a view of what has come and is not decrypted} */
    ByteBuffer received() {
        return received.slice();
    }

    /** Waits for more bytes; false at the connection's end. */
    boolean receive() throws IOException {
        received.compact();
        try {
            return connection.read(received) >= 0;
        } finally {
            received.flip();
        }
    }

    /** Decrypts one record, if a whole one is there. */
    SSLEngineResult decrypt(ByteBuffer target) throws IOException {
        SSLEngineResult result = engine.unwrap(received, target);
        runTasks();
        return result;
    }

    /** Encrypts all of the source and sends it. */
    void send(ByteBuffer source) throws IOException {
        if (toSend.capacity() < SEND_BYTES && source.remaining() > toSend.capacity()) {
            toSend = ByteBuffer.allocate(SEND_BYTES);
        }
        while (source.hasRemaining()) {
            toSend.clear();
            while (source.hasRemaining()
                    && toSend.remaining() >= engine.getSession().getPacketBufferSize()) {
                encrypt(source);
            }
            flush();
        }
    }

    /** Sends one message of the engine's own: of a handshake, an alert, the answer to a change of keys. */
    SSLEngineResult sendOwn() throws IOException {
        toSend.clear();
        SSLEngineResult result = engine.wrap(NOTHING, toSend);
        runTasks();
        flush();
        return result;
    }

    private void encrypt(ByteBuffer source) throws IOException {
        SSLEngineResult result = engine.wrap(source, toSend);
        runTasks();
        if (result.getStatus() != SSLEngineResult.Status.OK || result.bytesConsumed() + result.bytesProduced() == 0) {
            throw new IOException("the TLS session with " + connection.remote() + " has ended");
        }
    }

    private void flush() throws IOException {
        toSend.flip();
        while (toSend.hasRemaining()) {
            connection.write(toSend);
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }
}
