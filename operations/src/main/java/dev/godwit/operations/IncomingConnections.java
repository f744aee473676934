package dev.godwit.operations;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.qemu.StreamHeader;
import dev.godwit.qemu.multifd.ConnectionKind;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.TlsHandshakeException;
import dev.godwit.transport.TlsMigrationChannel;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Accepts the connections of one migration and tells them apart: the main one, and those of multifd, which may send
 * first (qemu-migration specification section 4.1). A connection too many fails the migration: a source that uses
 * multifd without our knowing would leave its pages out.
 *
 * <p>A virtual thread accepts, and one for each connection does its TLS handshake, if there is to be one. A platform
 * thread for each waits for its first bytes: a socket that a virtual thread has read once does not block any more, for
 * good, and every later read of it that finds nothing is three system calls. The main connection is then read by the
 * caller of {@link #awaitMain}.
 *
 * <p>Who does not get through the handshake is nobody's source: once a source is there, a stranger cannot disturb its
 * migration. Before, the refusal ends the wait, so that whoever set the two up learns of it; but one who only looks
 * whether the port is open is overlooked.
 */
public final class IncomingConnections implements Closeable {

    /** So many connections may be in their handshake at once; QEMU opens 257 at most. */
    private static final int MAX_IN_HANDSHAKE = 300;

    /** The reading of the main connection. */
    public interface Reading<T> {
        /** Does it. */
        T run() throws IOException;
    }

    private final MigrationListener listener;
    private final Semaphore handshakes = new Semaphore(MAX_IN_HANDSHAKE);
    private final int multifdChannels;
    private final boolean preempt;
    private final @Nullable MultifdReceiver multifd;
    private final List<MigrationChannel> accepted = new ArrayList<>();
    private final List<IOException> refusals = new ArrayList<>();
    private int inHandshake;
    private int admitted;
    private boolean listenerEnded;
    private @Nullable MigrationChannel main;
    private @Nullable MigrationChannel second;
    private @Nullable IOException failure;
    private boolean closed;

    IncomingConnections(MigrationListener listener, ReceiveOptions options, RamSink sink, Progress progress) {
        this(listener, options.multifdChannels(), options.multifdMethod(), sink, progress);
    }

    /**
     * Begins to accept.
     *
     * @param listener closed with this
     * @param multifdChannels how many connections the source opens besides the main one
     * @param sink takes the pages of the multifd channels
     * @param progress hears of them
     */
    public IncomingConnections(
            MigrationListener listener,
            int multifdChannels,
            MultifdMethod multifdMethod,
            RamSink sink,
            Progress progress) {
        this.listener = listener;
        this.multifdChannels = multifdChannels;
        this.preempt = false;
        this.multifd = multifdChannels == 0
                ? null
                : new MultifdReceiver(multifdChannels, multifdMethod, sink, this::multifdFailed, progress);
        Thread.ofVirtual().name("accept").start(this::acceptAll);
    }

    /**
     * Begins to accept the connections of a migration that may go over to postcopy, or comes back after one broke.
     *
     * @param listener closed with this
     * @param preempt whether the source opens a second connection for pages that are asked for
     */
    public IncomingConnections(MigrationListener listener, boolean preempt) {
        this.listener = listener;
        this.multifdChannels = 0;
        this.preempt = preempt;
        this.multifd = null;
        Thread.ofVirtual().name("accept").start(this::acceptAll);
    }

    private void acceptAll() {
        try {
            while (true) {
                handshakes.acquireUninterruptibly();
                MigrationChannel channel = listener.accept();
                add(channel);
                if (channel instanceof TlsMigrationChannel secured) {
                    inHandshake(1);
                    Thread.ofVirtual().name("handshake").start(() -> secure(secured));
                } else {
                    handshakes.release();
                    admit(channel);
                }
            }
        } catch (IOException e) {
            noMoreConnections(e);
        }
    }

    private void secure(TlsMigrationChannel channel) {
        try {
            channel.handshake();
            admit(channel);
        } catch (TlsHandshakeException e) {
            refused(channel, e);
        } catch (IOException e) {
            fail(e);
        } finally {
            inHandshake(-1);
            handshakes.release();
        }
    }

    private synchronized void inHandshake(int more) {
        inHandshake += more;
    }

    private synchronized void refused(TlsMigrationChannel channel, TlsHandshakeException e) {
        accepted.remove(channel);
        if (listenerEnded || (!e.peerWasSilent() && !closed)) {
            if (admitted == 0) {
                fail(e);
            } else if (refusals.isEmpty()) {
                refusals.add(e);
            }
        }
    }

    /** A connection of the source: read at once if it can only be the main one. */
    private synchronized void admit(MigrationChannel channel) {
        admitted++;
        if (preempt && main != null && second == null) {
            second = channel;
            notifyAll();
        } else if (admitted > multifdChannels + 1) {
            fail(new IOException("the source opened connection " + admitted + " of " + (multifdChannels + 1)
                    + "; if its capability multifd is on, give its number of channels and its compression"));
        } else if (multifd == null) {
            main = channel;
            notifyAll();
        } else {
            Thread.ofPlatform().name("classify").daemon(true).start(() -> classify(channel, multifd));
        }
    }

    /** The first bytes are kept: whoever reads the connection sees them again. */
    private void classify(MigrationChannel channel, MultifdReceiver receiver) {
        ByteBuffer first = ByteBuffer.allocate(ConnectionKind.BYTES);
        try {
            while (first.hasRemaining()) {
                if (channel.read(first) < 0) {
                    throw new IOException("a connection from " + channel.remote() + " ended before it said what it is");
                }
            }
            first.flip();
            ConnectionKind kind = ConnectionKind.ofFirstBytes(first.getInt(0))
                    .orElseThrow(() -> new IOException("a connection from " + channel.remote()
                            + " is neither a migration nor a multifd channel: its first bytes are 0x"
                            + Integer.toHexString(first.getInt(0))
                            + StreamHeader.meaning(first.getInt(0))));
            MigrationChannel whole = new PushedBackChannel(first, channel);
            switch (kind) {
                case MAIN -> mainIs(whole);
                case MULTIFD -> receiver.accept(whole);
            }
        } catch (IOException e) {
            try {
                channel.hangUp();
            } catch (IOException suppressed) {
                e.addSuppressed(suppressed);
            }
            fail(e);
        }
    }

    private synchronized void add(MigrationChannel channel) throws IOException {
        if (closed) {
            channel.close();
            throw new IOException("closed");
        }
        accepted.add(channel);
    }

    private synchronized void mainIs(MigrationChannel channel) throws IOException {
        if (main != null) {
            throw new IOException("the source opened a second main connection");
        }
        main = channel;
        notifyAll();
    }

    private synchronized void noMoreConnections(IOException e) {
        listenerEnded = true;
        if (failure == null && !closed && main == null && inHandshake == 0) {
            failure = e;
        }
        notifyAll();
    }

    private void multifdFailed(IOException cause) {
        fail(new IOException("a multifd channel failed: " + cause.getMessage(), cause));
    }

    private synchronized void fail(IOException e) {
        if (failure == null) {
            failure = e;
        }
        notifyAll();
        closeAll();
    }

    /**
     * Waits for the main connection.
     *
     * @throws IOException if it does not come
     */
    public synchronized void awaitMain() throws IOException {
        await(() -> main == null);
    }

    /**
     * Waits for the second connection of a postcopy.
     *
     * @throws IOException if it does not come
     */
    public synchronized MigrationChannel awaitSecond() throws IOException {
        await(() -> second == null);
        if (second == null) {
            throw new IllegalStateException("no second connection was waited for");
        }
        return second;
    }

    private synchronized void await(BooleanSupplier missing) throws IOException {
        try {
            while (missing.getAsBoolean() && failure == null && !closed) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for the source", e);
        }
        if (failure != null) {
            throw failure;
        }
        if (closed) {
            throw new IOException("closed while waiting for the source");
        }
    }

    /** {@return the main connection, after {@link #awaitMain}} */
    public synchronized MigrationChannel main() {
        if (main == null) {
            throw new IllegalStateException("no main connection yet");
        }
        return main;
    }

    /** {@return what takes the multifd channels, where there are any} */
    public Optional<MultifdReceiver> multifd() {
        return Optional.ofNullable(multifd);
    }

    /** Runs the reading of the main connection; where another connection failed first, that is the failure told. */
    public <T> T explaining(Reading<T> work) throws IOException {
        T result;
        try {
            result = work.run();
        } catch (IOException e) {
            synchronized (this) {
                if (failure != null && !failure.equals(e)) {
                    failure.addSuppressed(e);
                    throw failure;
                }
                refusals.forEach(e::addSuppressed);
            }
            throw e;
        }
        synchronized (this) {
            if (failure != null) {
                throw failure;
            }
        }
        return result;
    }

    /** All pages are in: the multifd channels have ended well, or this fails. */
    public void finish() throws IOException {
        if (multifd != null) {
            multifd.finish();
        }
    }

    /**
     * Ends the main connection of a source that is refused, and has been told so if it can be; see
     * {@link MigrationChannel#hangUp}. The others end when this is closed.
     */
    @SuppressWarnings("EmptyCatch") // why the source is refused matters more
    public void hangUp() {
        MigrationChannel refused;
        synchronized (this) {
            refused = main;
        }
        if (refused != null) {
            try {
                refused.hangUp();
            } catch (IOException _) {
                // It has gone by itself.
            }
        }
    }

    private synchronized void closeAll() {
        for (MigrationChannel channel : accepted) {
            try {
                channel.close();
            } catch (IOException e) {
                if (failure != null && !failure.equals(e)) {
                    failure.addSuppressed(e);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        listener.close();
        if (multifd != null) {
            multifd.close();
        }
        closeAll();
    }
}
