package dev.godwit.operations;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A temporary folder for what QEMU connects to or reads, which nobody can enter but this user, and QEMU's where it runs
 * as another; removed with what is in it on close.
 */
public final class PrivateFolder implements Closeable {

    private static final String PREFIX = "godwit-";

    private final Path path;
    private final Optional<UserPrincipal> qemuUser;
    private boolean left;

    /**
     * A new folder.
     *
     * @param qemuUser who has to reach the socket, where that is known
     * @throws IOException if QEMU runs as another user and this one may not give files away
     */
    public PrivateFolder(Optional<UserPrincipal> qemuUser) throws IOException {
        this.qemuUser = qemuUser;
        path = Files.createTempDirectory(
                PREFIX, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }

    private PrivateFolder(Path path, Optional<UserPrincipal> qemuUser) {
        this.qemuUser = qemuUser;
        this.path = path;
    }

    /**
     * One that an earlier process has left.
     *
     * @param kept the file in it that stays; its sockets go
     */
    static PrivateFolder takeOver(Path folder, String kept, Optional<UserPrincipal> qemuUser) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                if (!file.getFileName().toString().equals(kept)) {
                    Files.deleteIfExists(file);
                }
            }
        }
        return new PrivateFolder(folder, qemuUser);
    }

    /** Gives the folder and what is in it to QEMU's user. Only root can do that, and nobody else needs to. */
    void handOver() throws IOException {
        if (qemuUser.isEmpty() || qemuUser.get().equals(Files.getOwner(path))) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                handOver(file);
            }
        }
        handOver(path);
    }

    /** Gives a file that was made after that to QEMU's user. */
    void handOver(Path file) throws IOException {
        if (qemuUser.isEmpty()) {
            return;
        }
        try {
            Files.setOwner(file, qemuUser.get());
        } catch (FileSystemException e) {
            throw new IOException(
                    "QEMU runs as user " + qemuUser.get().getName() + ", and could not reach what is user "
                            + System.getProperty("user.name") + "'s; run godwit as that user, or as root",
                    e);
        }
    }

    /** {@return the path of a file in it} */
    public Path resolve(String name) {
        return path.resolve(name);
    }

    /**
     * {@return the path of a file in it that nobody has used before} QEMU removes the file of a socket at which it no
     * longer listens, and must not meet another there.
     */
    Path unused(String prefix, String suffix) {
        return path.resolve(
                prefix + Integer.toHexString(ThreadLocalRandom.current().nextInt()) + suffix);
    }

    /** {@return all such folders, those of other processes too} */
    static List<Path> all() throws IOException {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> found =
                Files.newDirectoryStream(Path.of(System.getProperty("java.io.tmpdir")), PREFIX + "*")) {
            for (Path folder : found) {
                if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) && Files.isReadable(folder)) {
                    folders.add(folder);
                }
            }
        }
        return folders;
    }

    /** Removes such a folder with what is in it. */
    static void remove(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }

    /** Has {@link #close} leave everything for a process that comes after this one. */
    void leave() {
        left = true;
    }

    @Override
    public void close() throws IOException {
        if (!left) {
            remove(path);
        }
    }
}
