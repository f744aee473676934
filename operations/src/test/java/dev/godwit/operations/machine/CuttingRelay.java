package dev.godwit.operations.machine;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Stands between the two sides of a migration, and cuts all their connections at once after so many bytes, or holds
 * them up.
 */
final class CuttingRelay implements Closeable {

    private final ServerSocketChannel listener;
    private final Path destination;
    private final List<SocketChannel> open = new CopyOnWriteArrayList<>();
    private long leftBytes = Long.MAX_VALUE;
    private boolean holds;
    private boolean isCut;

    /** Listens at one socket for connections to another one; cuts none so far. */
    CuttingRelay(Path at, Path destination) throws IOException {
        this.destination = destination;
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(at));
        Thread.ofPlatform().daemon().name("relay").start(this::acceptAll);
    }

    /** Cuts once so many more bytes have passed, in all directions together. */
    synchronized CuttingRelay cutAfter(long bytes) {
        leftBytes = bytes;
        holds = false;
        notifyAll();
        return this;
    }

    /** Lets no more than so many bytes pass, in all directions together, until it is told otherwise. */
    synchronized CuttingRelay holdAfter(long bytes) {
        leftBytes = bytes;
        holds = true;
        return this;
    }

    /** {@return how many of so many bytes may pass now; none only where that is the cut} Waits while it holds. */
    private synchronized int allowance(int bytes) throws IOException {
        try {
            while (holds && leftBytes <= 0 && !isCut) {
                wait();
            }
        } catch (InterruptedException _) {
            throw new InterruptedIOException();
        }
        int may = isCut ? 0 : (int) Math.min(leftBytes, bytes);
        leftBytes -= may;
        return may;
    }

    private synchronized boolean isUsedUp() {
        return leftBytes <= 0 && !holds;
    }

    private void acceptAll() {
        try {
            while (true) {
                SocketChannel source = listener.accept();
                SocketChannel target = SocketChannel.open(UnixDomainSocketAddress.of(destination));
                open.add(source);
                open.add(target);
                Thread.ofPlatform().daemon().name("relay-out").start(() -> pump(source, target));
                Thread.ofPlatform().daemon().name("relay-back").start(() -> pump(target, source));
            }
        } catch (IOException _) {
            cut();
        }
    }

    private void pump(SocketChannel from, SocketChannel to) {
        ByteBuffer bytes = ByteBuffer.allocate(1 << 14);
        try {
            while (from.read(bytes.clear()) >= 0) {
                if (!pass(bytes.flip(), to)) {
                    cut();
                    return;
                }
            }
            to.shutdownOutput();
        } catch (IOException _) {
            cut();
        }
    }

    /** {@return whether more may pass} */
    private boolean pass(ByteBuffer bytes, SocketChannel to) throws IOException {
        int endBytes = bytes.limit();
        while (bytes.position() < endBytes) {
            int may = allowance(endBytes - bytes.position());
            if (may == 0) {
                return false;
            }
            bytes.limit(bytes.position() + may);
            while (bytes.hasRemaining()) {
                to.write(bytes);
            }
            bytes.limit(endBytes);
        }
        return !isUsedUp();
    }

    /** Cuts now. */
    void cut() {
        synchronized (this) {
            isCut = true;
            notifyAll();
        }
        for (SocketChannel channel : open) {
            closeQuietly(channel);
        }
    }

    @SuppressWarnings("EmptyCatch") // it is gone, as it should be
    private static void closeQuietly(Closeable channel) {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }

    @Override
    public void close() {
        closeQuietly(listener);
        cut();
    }
}
