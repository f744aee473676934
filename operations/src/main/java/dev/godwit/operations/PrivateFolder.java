package dev.godwit.operations;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Optional;

/**
 * A temporary folder for a migration socket that nobody can enter but this user, and QEMU's where it runs as another;
 * removed with what is in it on close.
 */
public final class PrivateFolder implements Closeable {

    private final Path path;
    private final Optional<UserPrincipal> qemuUser;

    /**
     * A new folder.
     *
     * @param qemuUser who has to reach the socket, where that is known
     * @throws IOException if QEMU runs as another user and this one may not give files away
     */
    public PrivateFolder(Optional<UserPrincipal> qemuUser) throws IOException {
        this.qemuUser = qemuUser;
        path = Files.createTempDirectory(
                "godwit-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }

    /** Gives the folder and what is in it to QEMU's user. Only root can do that, and nobody else needs to. */
    void handOver() throws IOException {
        if (qemuUser.isEmpty() || qemuUser.get().equals(Files.getOwner(path))) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                Files.setOwner(file, qemuUser.get());
            }
            Files.setOwner(path, qemuUser.get());
        } catch (FileSystemException e) {
            throw new IOException(
                    "QEMU runs as user " + qemuUser.get().getName() + ", and could not connect to a socket of user "
                            + System.getProperty("user.name") + "; run godwit as that user, or as root",
                    e);
        }
    }

    /** {@return the path of a file in it} */
    public Path resolve(String name) {
        return path.resolve(name);
    }

    @Override
    public void close() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(path);
    }
}
