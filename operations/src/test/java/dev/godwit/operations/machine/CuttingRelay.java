package dev.godwit.operations.machine;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** Stands between the two sides of a migration, and cuts all their connections at once after so many bytes. */
final class CuttingRelay implements Closeable {

    private final ServerSocketChannel listener;
    private final Path destination;
    private final AtomicLong leftBytes = new AtomicLong(Long.MAX_VALUE);
    private final List<SocketChannel> open = new CopyOnWriteArrayList<>();

    /** Listens at one socket for connections to another one; cuts none so far. */
    CuttingRelay(Path at, Path destination) throws IOException {
        this.destination = destination;
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(at));
        Thread.ofPlatform().daemon().name("relay").start(this::acceptAll);
    }

    /** Cuts once so many more bytes have passed, in all directions together. */
    CuttingRelay cutAfter(long bytes) {
        leftBytes.set(bytes);
        return this;
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
                long left = leftBytes.getAndAdd(-bytes.position());
                bytes.flip();
                bytes.limit(Math.clamp(left, 0, bytes.limit()));
                while (bytes.hasRemaining()) {
                    to.write(bytes);
                }
                if (leftBytes.get() <= 0) {
                    cut();
                    return;
                }
            }
            to.shutdownOutput();
        } catch (IOException _) {
            cut();
        }
    }

    private void cut() {
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
