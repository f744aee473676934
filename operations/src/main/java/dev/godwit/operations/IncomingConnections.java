package dev.godwit.operations;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.qemu.multifd.ConnectionKind;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Accepts the connections of one migration and tells them apart: the main one, and those of multifd, which may send
 * first (qemu-migration specification section 4.1). A connection too many fails the migration: a source that uses
 * multifd without our knowing would leave its pages out.
 *
 * <p>A virtual thread accepts, and one for each connection waits for its first bytes. The main connection is then read
 * by the caller of {@link #awaitMain}.
 */
final class IncomingConnections implements Closeable {

    private final MigrationListener listener;
    private final int multifdChannels;
    private final @Nullable MultifdReceiver multifd;
    private final List<MigrationChannel> accepted = new ArrayList<>();
    private @Nullable MigrationChannel main;
    private @Nullable IOException failure;
    private boolean closed;

    IncomingConnections(MigrationListener listener, ReceiveOptions options, RamSink sink, Progress progress) {
        this.listener = listener;
        this.multifdChannels = options.multifdChannels();
        this.multifd = multifdChannels == 0
                ? null
                : new MultifdReceiver(multifdChannels, options.multifdMethod(), sink, this::multifdFailed, progress);
        Thread.ofVirtual().name("accept").start(this::acceptAll);
    }

    private void acceptAll() {
        try {
            while (true) {
                MigrationChannel channel = listener.accept();
                int number = add(channel);
                if (number > multifdChannels + 1) {
                    fail(new IOException("the source opened connection " + number + " of " + (multifdChannels + 1)
                            + "; if its capability multifd is on, give its number of channels and its compression"));
                    return;
                }
                if (multifd == null) {
                    mainIs(channel);
                } else {
                    Thread.ofVirtual().name("classify").start(() -> classify(channel, multifd));
                }
            }
        } catch (IOException e) {
            noMoreConnections(e);
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
                            + Integer.toHexString(first.getInt(0))));
            switch (kind) {
                case MAIN -> mainIs(new PushedBackChannel(first, channel));
                case MULTIFD -> receiver.accept(channel, first);
            }
        } catch (IOException e) {
            fail(e);
        }
    }

    private synchronized int add(MigrationChannel channel) throws IOException {
        if (closed) {
            channel.close();
            throw new IOException("closed");
        }
        accepted.add(channel);
        return accepted.size();
    }

    private synchronized void mainIs(MigrationChannel channel) throws IOException {
        if (main != null) {
            throw new IOException("the source opened a second main connection");
        }
        main = channel;
        notifyAll();
    }

    private synchronized void noMoreConnections(IOException e) {
        if (failure == null && !closed && main == null) {
            failure = e;
        }
        notifyAll();
    }

    private void multifdFailed() {
        fail(new IOException("a multifd channel failed"));
    }

    private synchronized void fail(IOException e) {
        if (failure == null) {
            failure = e;
        }
        notifyAll();
        closeAll();
    }

    /** Waits for the main connection. */
    synchronized void awaitMain() throws IOException {
        try {
            while (main == null && failure == null && !closed) {
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
    synchronized MigrationChannel main() {
        if (main == null) {
            throw new IllegalStateException("no main connection yet");
        }
        return main;
    }

    Optional<MultifdReceiver> multifd() {
        return Optional.ofNullable(multifd);
    }

    /** Runs the reading of the main connection; where another connection failed first, that is the failure told. */
    <T> T explaining(SourceQemu.Work<T> work) throws IOException {
        T result;
        try {
            result = work.run();
        } catch (IOException e) {
            synchronized (this) {
                if (failure != null && !failure.equals(e)) {
                    failure.addSuppressed(e);
                    throw failure;
                }
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
    void finish() throws IOException {
        if (multifd != null) {
            multifd.finish();
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
