package dev.godwit.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Stands between the source and the destination of a migration and keeps every byte that the source sends, one file a
 * connection. Nothing is changed; answers pass the other way.
 */
public final class RecordingProxy implements AutoCloseable {

    private static final int BUFFER_BYTES = 1 << 18;

    private final Path folder;
    private final SocketAddress destination;
    private final ServerSocketChannel server;
    private final List<Path> recordings = new ArrayList<>();
    private final List<Thread> recorders = new ArrayList<>();

    private RecordingProxy(Path folder, SocketAddress destination) throws IOException {
        this.folder = folder;
        this.destination = destination;
        this.server = switch (destination) {
            case UnixDomainSocketAddress _ ->
                ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX)
                        .bind(UnixDomainSocketAddress.of(folder.resolve("proxy")));
            default -> ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        };
    }

    /**
     * Listens as the destination does, on tcp or a unix socket.
     *
     * @param folder for the recordings and the socket; empty
     * @param destinationUri {@code tcp:HOST:PORT} or {@code unix:PATH}
     */
    public static RecordingProxy to(String destinationUri, Path folder) throws IOException {
        RecordingProxy proxy = new RecordingProxy(folder, address(destinationUri));
        Thread.ofVirtual().name("proxy").start(proxy::acceptAll);
        return proxy;
    }

    private static SocketAddress address(String uri) {
        if (uri.startsWith("unix:")) {
            return UnixDomainSocketAddress.of(uri.substring("unix:".length()));
        }
        int colon = uri.lastIndexOf(':');
        return new InetSocketAddress(uri.substring("tcp:".length(), colon), Integer.parseInt(uri.substring(colon + 1)));
    }

    /** {@return where the source is to connect to} */
    public String uri() throws IOException {
        return switch (server.getLocalAddress()) {
            case InetSocketAddress tcp -> "tcp:127.0.0.1:" + tcp.getPort();
            case SocketAddress unix -> "unix:" + unix;
        };
    }

    private void acceptAll() {
        try {
            while (true) {
                SocketChannel source = server.accept();
                SocketChannel target = SocketChannel.open(destination);
                synchronized (this) {
                    Path recording = folder.resolve("connection-" + recordings.size());
                    recordings.add(recording);
                    recorders.add(Thread.ofPlatform().daemon(true).start(() -> record(source, target, recording)));
                }
                Thread.ofPlatform().daemon(true).start(() -> passBack(target, source));
            }
        } catch (IOException _) {
            // closed: there are no more connections
        }
    }

    private static void record(SocketChannel source, SocketChannel target, Path recording) {
        try (source;
                FileChannel file =
                        FileChannel.open(recording, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
            while (source.read(buffer.clear()) >= 0) {
                writeAll(file, buffer.flip());
                writeAll(target, buffer.rewind());
            }
            target.shutdownOutput();
        } catch (IOException _) {
            // One side is gone, which the other learns by the end of its connection.
            close(target);
        }
    }

    private static void passBack(SocketChannel target, SocketChannel source) {
        try (target) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
            while (target.read(buffer.clear()) >= 0) {
                writeAll(source, buffer.flip());
            }
            source.shutdownOutput();
        } catch (IOException _) {
            // As above.
        }
    }

    private static void writeAll(java.nio.channels.WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until the source has closed all its connections; {@return what it sent, one file a connection} */
    public List<Path> recordings() throws InterruptedException {
        List<Thread> threads;
        synchronized (this) {
            threads = List.copyOf(recorders);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        synchronized (this) {
            return List.copyOf(recordings);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
