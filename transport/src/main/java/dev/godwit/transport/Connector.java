package dev.godwit.transport;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;

/** Opens the channel of an outgoing migration. */
final class Connector {

    private Connector() {}

    static MigrationChannel connect(MigrationUri uri, Duration timeout) throws IOException {
        try {
            return switch (uri) {
                case MigrationUri.Tcp tcp -> tcp(tcp, timeout);
                case MigrationUri.Unix unix -> unix(unix, timeout);
                case MigrationUri.Fd fd -> InheritedDescriptor.open(fd);
                case MigrationUri.Exec exec -> ProcessMigrationChannel.start(exec.command());
                case MigrationUri.OfFile file -> file(file);
            };
        } catch (IOException e) {
            throw e.getMessage() != null && e.getMessage().contains(uri.toString()) ? e : Addresses.explained(uri, e);
        }
    }

    private static MigrationChannel tcp(MigrationUri.Tcp uri, Duration timeout) throws IOException {
        SocketChannel socket = SocketChannel.open();
        try {
            socket.socket().connect(Addresses.of(uri), Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE));
            socket.socket().setTcpNoDelay(true);
            return new PlainMigrationChannel(socket, Addresses.text(socket.getRemoteAddress(), uri));
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** A unix connect blocks while the listener's queue is full, and has no timeout of its own. */
    private static MigrationChannel unix(MigrationUri.Unix uri, Duration timeout) throws IOException {
        var address = Addresses.of(uri);
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        try (Deadline _ = new Deadline(timeout, socket)) {
            socket.connect(address);
            return new PlainMigrationChannel(socket, uri.toString());
        } catch (AsynchronousCloseException e) {
            SocketTimeoutException late = new SocketTimeoutException("no answer in time");
            late.initCause(e);
            throw late;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private static MigrationChannel file(MigrationUri.OfFile uri) throws IOException {
        FileChannel file = FileChannel.open(
                uri.path(),
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            file.truncate(uri.offsetBytes()).position(uri.offsetBytes());
            return new PlainMigrationChannel(file, uri.toString());
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }
}
