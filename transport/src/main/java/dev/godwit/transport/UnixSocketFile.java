package dev.godwit.transport;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;

/** Makes the socket file of a unix listener so that nobody else can connect to it at any moment. */
final class UnixSocketFile {

    private UnixSocketFile() {}

    /**
     * A socket that is bound and listens.
     *
     * @param cleanup removes its file
     */
    record Bound(ServerSocketChannel server, SocketMigrationListener.Cleanup cleanup) {}

    static MigrationListener listen(MigrationUri.Unix uri) throws IOException {
        Bound bound = bind(uri);
        return new SocketMigrationListener(bound.server, uri, bound.cleanup);
    }

    static Bound bind(MigrationUri.Unix uri) throws IOException {
        Addresses.of(uri);
        refuseWhatIsInUse(uri);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            Object key = bindPrivately(server, uri.path().toAbsolutePath());
            return new Bound(server, () -> removeOwn(uri.path(), key));
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private static void refuseWhatIsInUse(MigrationUri.Unix uri) throws IOException {
        BasicFileAttributes there;
        try {
            there = Files.readAttributes(uri.path(), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException _) {
            return;
        }
        if (!there.isOther()) {
            throw new IOException(uri + ": something that is no socket is there already");
        }
        boolean answered;
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            answered = probe.connect(UnixDomainSocketAddress.of(uri.path()));
        } catch (IOException _) {
            answered = false;
        }
        if (answered) {
            throw new IOException(uri + ": in use: another process listens there");
        }
    }

    /**
     * Binds in a folder of mode 0700, sets mode 0600, and only then moves the socket to its place: between bind and
     * chmod the mode is whatever the umask left. The folder is reached over a short link, since its own path may be
     * longer than a socket address allows.
     */
    private static Object bindPrivately(ServerSocketChannel server, Path path) throws IOException {
        Path parent = Objects.requireNonNull(path.getParent(), "an absolute path of a file has a parent");
        Path folder = Files.createTempDirectory(parent, ".godwit-");
        try {
            Path links = Files.createTempDirectory("godwit-");
            Path link = links.resolve("d");
            try {
                Files.createSymbolicLink(link, folder);
                server.bind(UnixDomainSocketAddress.of(link.resolve("s")), SocketMigrationListener.BACKLOG);
            } finally {
                Files.deleteIfExists(link);
                Files.delete(links);
            }
            Path socket = folder.resolve("s");
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            Object key = key(socket);
            Files.move(socket, path, StandardCopyOption.ATOMIC_MOVE);
            return key;
        } finally {
            Files.deleteIfExists(folder.resolve("s"));
            Files.delete(folder);
        }
    }

    private static void removeOwn(Path path, Object key) throws IOException {
        try {
            if (key.equals(key(path))) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException _) {
            // somebody else has removed it already
        }
    }

    private static Object key(Path path) throws IOException {
        return Objects.requireNonNull(
                Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                        .fileKey(),
                "a file on Linux has an inode");
    }
}
