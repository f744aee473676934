package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * A connection inside TLS 1.3 or 1.2 (qemu-migration specification section 4.9). The handshake is done by
 * {@link #handshake()}, or by the first read or write; a connection on which it failed is of no more use.
 *
 * <p>What the session itself has to answer (a change of keys) is sent by a thread of its own: a reader never waits for
 * a writer, whom the other side may keep waiting until it is read from.
 */
public final class TlsMigrationChannel implements MigrationChannel {

    private static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(30);

    /** For the few bytes of a goodbye; only a peer that has stopped reading makes them wait. */
    private static final Duration GOODBYE_TIMEOUT = Duration.ofSeconds(1);

    /** How long a failed write waits for the reader to find out why: an alert that is on its way or there already. */
    private static final Duration REASON_TIMEOUT = Duration.ofSeconds(2);

    private final MigrationChannel connection;
    private final SSLEngine engine;
    private final TlsRecords records;
    private final TlsInput input;
    private final Duration handshakeTimeout;
    private final ReentrantLock handshaking = new ReentrantLock();
    private final ReentrantLock reading = new ReentrantLock();
    private final ReentrantLock writing = new ReentrantLock();
    private final AtomicBoolean answering = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean ready;
    private volatile @Nullable IOException failure;
    private boolean outputEnded;
    private @Nullable IOException outputFailure;

    private TlsMigrationChannel(
            MigrationChannel connection, SSLEngine engine, boolean hangUpIsAnEnd, Duration handshakeTimeout) {
        this.connection = connection;
        this.engine = engine;
        this.records = new TlsRecords(engine, connection);
        this.input = new TlsInput(engine, records, connection.remote(), hangUpIsAnEnd, this::answerSoon);
        this.handshakeTimeout = handshakeTimeout;
    }

    /**
     * The destination's side of a connection.
     *
     * @param connection plain, at its first byte; closed with this
     * @throws IOException if the connection goes one way only; it is closed then
     */
    public static TlsMigrationChannel server(MigrationChannel connection, TlsServer tls) throws IOException {
        return server(connection, tls, HANDSHAKE_TIMEOUT);
    }

    static TlsMigrationChannel server(MigrationChannel connection, TlsServer tls, Duration handshakeTimeout)
            throws IOException {
        requireDuplex(connection);
        return new TlsMigrationChannel(
                connection, tls.credentials().serverEngine(), tls.hangUpIsAnEnd(), handshakeTimeout);
    }

    /**
     * The source's side of a connection.
     *
     * @param connection plain, at its first byte; closed with this
     * @param hostname whose certificate the other side has to have; not needed where it is not verified
     * @throws IOException if the connection goes one way only; it is closed then
     */
    static TlsMigrationChannel client(
            MigrationChannel connection, TlsCredentials credentials, Optional<String> hostname) throws IOException {
        requireDuplex(connection);
        return new TlsMigrationChannel(connection, credentials.clientEngine(hostname), false, HANDSHAKE_TIMEOUT);
    }

    private static void requireDuplex(MigrationChannel connection) throws IOException {
        if (!connection.isDuplex()) {
            connection.close();
            throw new IOException(
                    connection.remote() + ": TLS needs a connection that goes both ways: tcp, unix, or fd of a socket");
        }
    }

    /**
     * Does the handshake, if it has not been done; the other side has half a minute for it.
     *
     * @throws TlsHandshakeException if there is no session; the connection is closed then
     */
    public void handshake() throws IOException {
        if (ready) {
            return;
        }
        handshaking.lock();
        try {
            if (!ready) {
                throwFailure();
                shakeHands();
            }
        } finally {
            handshaking.unlock();
        }
    }

    private void shakeHands() throws IOException {
        try (Deadline deadline = new Deadline(handshakeTimeout, connection)) {
            try {
                new TlsHandshake(engine, records, connection.remote()).run();
                ready = true;
            } catch (TlsHandshakeException e) {
                TlsHandshakeException told = deadline.hasPassed()
                        ? new TlsHandshakeException(
                                connection.remote() + ": no TLS handshake within " + handshakeTimeout.toSeconds()
                                        + " s",
                                e.peerWasSilent(),
                                e)
                        : e;
                failed(told);
                refuse(told);
                throw told;
            }
        }
    }

    private void refuse(TlsHandshakeException told) {
        try {
            if (told.peerWasSilent()) {
                connection.close();
            } else {
                connection.hangUp();
            }
        } catch (IOException e) {
            told.addSuppressed(e);
        }
    }

    @Override
    public String remote() {
        return connection.remote();
    }

    @Override
    public void roomToSend(int bytes) throws IOException {
        connection.roomToSend(bytes);
    }

    @Override
    public boolean isDuplex() {
        return true;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IOException also where the connection ends without a goodbye and that is no end (see {@link TlsServer}),
     *     or before the other side has sent anything
     */
    @Override
    public int read(ByteBuffer target) throws IOException {
        handshake();
        reading.lock();
        try {
            if (!input.isReady()) {
                throwFailure();
            }
            return input.read(target);
        } catch (SSLException e) {
            throw failed(new IOException(connection.remote() + ": " + TlsHandshake.alert(e), e));
        } catch (IOException e) {
            throw failed(e);
        } finally {
            reading.unlock();
        }
    }

    private void answerSoon() {
        if (answering.compareAndSet(false, true)) {
            Thread.ofVirtual().name("tls-answer").start(this::answer);
        }
    }

    private void answer() {
        writing.lock();
        try {
            answering.set(false);
            while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP
                    && records.sendOwn().bytesProduced() > 0) {
                // until everything is said
            }
        } catch (IOException e) {
            failed(e);
        } finally {
            writing.unlock();
        }
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        handshake();
        writing.lock();
        try {
            if (outputEnded) {
                throw new ClosedChannelException();
            }
            throwFailure();
            if (outputFailure != null) {
                throw new IOException(outputFailure.getMessage(), outputFailure);
            }
            int bytes = source.remaining();
            if (bytes > 0) {
                records.send(source);
            }
            return bytes;
        } catch (IOException e) {
            throw explained(e);
        } finally {
            writing.unlock();
        }
    }

    /** A peer that refuses a session says so in an alert and hangs up: a writer only sees that it has gone. */
    private IOException explained(IOException e) {
        outputFailure = e;
        try {
            if (!closed.get() && reading.tryLock(REASON_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                reading.unlock();
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        IOException reason = failure;
        if (closed.get()) {
            return e;
        }
        if (reason == null || reason.equals(e)) {
            return input.wasHeard() ? e : new IOException(input.hungUpEarly() + " (" + e.getMessage() + ")", e);
        }
        IOException told = new IOException(reason.getMessage(), e);
        told.addSuppressed(reason);
        return told;
    }

    private IOException failed(IOException e) {
        if (failure == null && !closed.get()) {
            failure = e;
        }
        return e;
    }

    private void throwFailure() throws IOException {
        if (closed.get()) {
            throw new ClosedChannelException();
        }
        IOException earlier = failure;
        if (earlier != null) {
            throw new IOException(earlier.getMessage(), earlier);
        }
    }

    /** {@return whether anything has been decrypted of what the other side sends} */
    boolean wasHeard() {
        return input.wasHeard();
    }

    @Override
    public void shutdownInput() throws IOException {
        input.shutDown();
        connection.shutdownInput();
    }

    /** Says goodbye: what was written is whole. With TLS 1.3 reading goes on, with 1.2 the other side ends as well. */
    @Override
    public void shutdownOutput() throws IOException {
        handshake();
        writing.lock();
        try {
            sayGoodbye();
            connection.shutdownOutput();
        } finally {
            writing.unlock();
        }
    }

    private void sayGoodbye() throws IOException {
        if (!outputEnded) {
            outputEnded = true;
            engine.closeOutbound();
            while (!engine.isOutboundDone() && records.sendOwn().bytesProduced() > 0) {
                // until everything is said
            }
        }
    }

    @Override
    public boolean isOpen() {
        return connection.isOpen();
    }

    /** Says goodbye, unless that has been done or a write is under way, and closes the connection. */
    @Override
    public void close() throws IOException {
        sayGoodbyeAnd(connection::close);
    }

    @Override
    public void hangUp() throws IOException {
        sayGoodbyeAnd(connection::hangUp);
    }

    private void sayGoodbyeAnd(Ending ending) throws IOException {
        if (closed.getAndSet(true)) {
            return;
        }
        try {
            if (ready && connection.isOpen()) {
                Thread goodbye = Thread.ofVirtual().name("tls-goodbye").start(this::sayGoodbyeIfPossible);
                goodbye.join(GOODBYE_TIMEOUT);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            ending.end();
        }
    }

    @FunctionalInterface
    private interface Ending {
        void end() throws IOException;
    }

    @SuppressWarnings("EmptyCatch") // a peer that has gone needs no goodbye
    private void sayGoodbyeIfPossible() {
        if (writing.tryLock()) {
            try {
                sayGoodbye();
            } catch (IOException _) {
                // The connection is closed next, which says that there is nothing more.
            } finally {
                writing.unlock();
            }
        }
    }

    @Override
    public String toString() {
        return remote() + " (TLS)";
    }
}
