package dev.godwit.transport;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;

/** A listening socket for a control protocol: a unix socket of mode 0600, or a port of this machine alone. */
public final class ControlListener implements Closeable {

    private final ServerSocketChannel channel;
    private final MigrationUri address;
    private final SocketMigrationListener.Cleanup cleanup;

    private ControlListener(
            ServerSocketChannel channel, MigrationUri address, SocketMigrationListener.Cleanup cleanup) {
        this.channel = channel;
        this.address = address;
        this.cleanup = cleanup;
    }

    /**
     * Listens; a socket file that nobody listens at any more is replaced.
     *
     * @param uri a {@code unix:} address, or a {@code tcp:} one of the loopback interface (no host means that)
     * @throws IOException if that is impossible, or the address is of another kind; nothing is left open
     */
    public static ControlListener open(MigrationUri uri) throws IOException {
        return switch (uri) {
            case MigrationUri.Unix unix -> {
                UnixSocketFile.Bound bound = UnixSocketFile.bind(unix);
                yield new ControlListener(bound.server(), uri, bound.cleanup());
            }
            case MigrationUri.Tcp tcp -> tcp(tcp);
            case MigrationUri.Fd _, MigrationUri.Exec _, MigrationUri.OfFile _ ->
                throw new IOException(uri + ": a control socket is unix:PATH or tcp:HOST:PORT");
        };
    }

    private static ControlListener tcp(MigrationUri.Tcp uri) throws IOException {
        InetSocketAddress wanted = Addresses.of(uri);
        if (!wanted.getAddress().isLoopbackAddress()) {
            throw new IOException(uri + ": whoever reaches a control socket controls the machine; only addresses of"
                    + " this machine alone are allowed (127.0.0.1, ::1), or unix:PATH");
        }
        ServerSocketChannel server = ServerSocketChannel.open();
        try {
            server.bind(wanted);
            InetSocketAddress bound = (InetSocketAddress) server.getLocalAddress();
            return new ControlListener(
                    server, new MigrationUri.Tcp(bound.getAddress().getHostAddress(), bound.getPort()), () -> {});
        } catch (IOException e) {
            server.close();
            throw Addresses.explained(uri, e);
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    /** {@return the bound socket, in blocking mode} */
    public ServerSocketChannel channel() {
        return channel;
    }

    /** {@return where it listens, with the port that was chosen where 0 was asked for} */
    public MigrationUri address() {
        return address;
    }

    /** Ends listening, and removes the socket file. */
    @Override
    public void close() throws IOException {
        try (channel) {
            cleanup.run();
        }
    }
}
