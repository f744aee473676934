package dev.godwit.transport;

import java.io.IOException;

/**
 * Waits for the connections of an incoming migration.
 *
 * <p>A tcp or unix listener takes any number of connections, as multifd and postcopy make several. The other kinds of
 * URI have one channel: {@link #accept()} answers it once.
 */
public interface MigrationListener extends AutoCloseable {

    /**
     * Listens at a URI; a TCP address without a host is loopback. A unix socket appears with mode 0600; a socket file
     * that nobody listens at any more is replaced.
     *
     * @throws IOException if that is impossible; the message names the address and the reason, nothing is left open
     */
    static MigrationListener open(MigrationUri uri) throws IOException {
        try {
            return switch (uri) {
                case MigrationUri.Tcp tcp -> SocketMigrationListener.open(tcp);
                case MigrationUri.Unix unix -> UnixSocketFile.listen(unix);
                case MigrationUri.Fd fd -> new SingleChannelListener(fd, () -> InheritedDescriptor.open(fd));
                case MigrationUri.Exec exec ->
                    new SingleChannelListener(exec, () -> ProcessMigrationChannel.start(exec.command()));
                case MigrationUri.OfFile file -> SingleChannelListener.ofFile(file);
            };
        } catch (IOException e) {
            throw e.getMessage() != null && e.getMessage().contains(uri.toString()) ? e : Addresses.explained(uri, e);
        }
    }

    /**
     * The same inside TLS: {@link #accept()} hands out {@link TlsMigrationChannel}s at once, whose handshake is done by
     * whoever uses them; so a peer that is slow in it holds nobody up.
     *
     * @throws IOException if that is impossible, or the URI has no channel that goes both ways
     */
    static MigrationListener open(MigrationUri uri, TlsServer tls) throws IOException {
        return switch (uri) {
            case MigrationUri.Tcp _, MigrationUri.Unix _, MigrationUri.Fd _ -> new TlsMigrationListener(open(uri), tls);
            case MigrationUri.Exec _, MigrationUri.OfFile _ ->
                throw new IOException(
                        uri + ": TLS needs a connection that goes both ways: tcp, unix, or fd of a socket");
        };
    }

    /** {@return where it listens, with the port that was chosen where 0 was asked for} */
    MigrationUri address();

    /**
     * Waits for the next connection.
     *
     * @throws java.nio.channels.AsynchronousCloseException if the listener is closed meanwhile
     * @throws java.nio.channels.ClosedChannelException if it was closed before
     * @throws IOException if there is no further connection to be had
     */
    MigrationChannel accept() throws IOException;

    /**
     * Ends listening, wakes {@link #accept()} and removes the socket file that {@link #open} made; accepted channels
     * stay open.
     */
    @Override
    void close() throws IOException;
}
