package dev.godwit.snapshot;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * A file that comes into being beside its final name and takes it only when it is whole. The temporary file is hidden,
 * 0600, and locked while its writer lives; what a dead writer left is removed.
 *
 * <p>A file {@linkplain #inPlace in place} has its name already, and keeps its identity and what stands before a place
 * in it: that is what is left if nothing becomes of the rest.
 */
final class TargetFile implements Closeable {

    private static final String SUFFIX = ".godwit-part";
    private static final String INCOMPLETE = ".incomplete";
    private static final int MAX_NAME_BYTES = 200;

    private final Path target;
    private Path temporary;
    private final OpenFile file;
    /** What is kept of a file in place; -1 for one that is beside its name. */
    private final long keptBytes;
    /** What was replaced, kept until close: giving its blocks back takes about a second for each GiB. */
    private @Nullable OpenFile replaced;

    private boolean committed;
    private boolean kept;
    private boolean closed;

    private TargetFile(Path target, Path temporary, OpenFile file, long keptBytes) {
        this.target = target;
        this.temporary = temporary;
        this.file = file;
        this.keptBytes = keptBytes;
    }

    /**
     * Makes the temporary file.
     *
     * @throws IOException if the name is no file's, another writer is at work on it, or the folder cannot be written
     */
    static TargetFile create(Path path) throws IOException {
        Path target = path.toAbsolutePath();
        if (Files.exists(target)) {
            target = target.toRealPath();
            if (!Files.isRegularFile(target)) {
                throw new IOException(path + " is there already, and is not a file that could be replaced");
            }
        } else if (Files.isSymbolicLink(target)) {
            throw new IOException(path + " is a symbolic link that leads nowhere");
        }
        Path folder = target.getParent();
        if (folder == null || target.getFileName() == null) {
            throw new IOException(path + " is no name for a file");
        }
        Path temporary = folder.resolve(temporaryName(target.getFileName().toString()));
        removeStale(target, temporary);
        OpenFile file = OpenFile.open(temporary, OpenFlag.CREATE_NEW);
        if (!file.tryLock() || file.status().links() == 0) {
            file.close();
            throw busy(target, temporary);
        }
        return new TargetFile(target, temporary, file, -1);
    }

    /**
     * Makes a file that has no name and never gets one: it is gone when it is closed, or when this process ends in
     * whatever way.
     *
     * @throws IOException if the folder cannot be written
     */
    static TargetFile nameless(Path folder) throws IOException {
        Path unnamed = folder.resolve("." + ProcessHandle.current().pid() + "-" + System.nanoTime() + SUFFIX);
        OpenFile file;
        try {
            file = OpenFile.open(folder, OpenFlag.NAMELESS);
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.EOPNOTSUPP) && !e.errno().equals(Errno.EISDIR)) {
                throw e;
            }
            file = OpenFile.open(unnamed, OpenFlag.CREATE_NEW);
            Files.delete(unnamed);
        }
        return new TargetFile(unnamed, unnamed, file, -1);
    }

    /**
     * Opens a file to be written behind what it holds, or makes it (0600), and cuts it there.
     *
     * @param keptBytes how much of it stays
     * @throws IOException if it cannot be opened, or another writer is at work on it
     */
    static TargetFile inPlace(Path path, long keptBytes) throws IOException {
        OpenFile file = OpenFile.open(path, OpenFlag.CREATE);
        try {
            if (!file.tryLock()) {
                throw new IOException("another Godwit is writing " + path + " at this moment");
            }
            file.truncate(keptBytes);
            return new TargetFile(path, path, file, keptBytes);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private static String temporaryName(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        String shortName =
                bytes.length <= MAX_NAME_BYTES ? name : "%08x".formatted(TrailerWriter.crc32c(bytes, bytes.length));
        return "." + shortName + SUFFIX;
    }

    private static void removeStale(Path target, Path temporary) throws IOException {
        if (!Files.exists(temporary, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.isRegularFile(temporary, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(temporary + " is in the way");
        }
        try (OpenFile stale = OpenFile.open(temporary, OpenFlag.WRITE)) {
            if (!stale.tryLock()) {
                throw busy(target, temporary);
            }
            Files.deleteIfExists(temporary);
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.ENOENT)) {
                throw e;
            }
        }
    }

    private static IOException busy(Path target, Path temporary) {
        return new IOException("another Godwit is writing " + target + " at this moment (it holds " + temporary + ")");
    }

    OpenFile file() {
        return file;
    }

    Path target() {
        return target;
    }

    synchronized Path temporary() {
        return temporary;
    }

    /** {@return the file, which is now the caller's to close} Nothing is left to be done here. */
    synchronized OpenFile handOver() throws IOException {
        if (closed) {
            throw new IOException("the file was given up: " + target);
        }
        closed = true;
        return file;
    }

    /**
     * Syncs the file, gives it its final name, and syncs the folder. The disk has room for what was replaced again when
     * this is closed.
     *
     * @param writtenDirectly whether some of it was written past the page cache
     */
    synchronized void commit(boolean writtenDirectly) throws IOException {
        if (closed) {
            throw new IOException("the snapshot was given up: " + target);
        }
        file.sync();
        if (writtenDirectly) {
            // A direct write that meets a cached neighbour in the making may leave an old copy in the cache.
            file.dropCache();
        }
        if (keptBytes < 0) {
            replaced = openReplaced();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
        committed = true;
        try (OpenFile folder = OpenFile.open(target.resolveSibling("."))) {
            folder.sync();
        }
    }

    /**
     * Gives the file a name that says that it is not whole, by which it stays whatever happens from now on; a file of
     * this name that is there already is left alone.
     *
     * @return the name
     */
    synchronized Path keep() throws IOException {
        if (closed) {
            throw new IOException("the snapshot was given up: " + target);
        }
        file.sync();
        if (!kept && keptBytes < 0) {
            Path name = target.resolveSibling(target.getFileName() + INCOMPLETE);
            for (int number = 2; Files.exists(name, LinkOption.NOFOLLOW_LINKS); number++) {
                name = target.resolveSibling(target.getFileName() + INCOMPLETE + "-" + number);
            }
            Files.move(temporary, name);
            temporary = name;
            kept = true;
            try (OpenFile folder = OpenFile.open(target.resolveSibling("."))) {
                folder.sync();
            }
        }
        return temporary;
    }

    /** {@return the file under the final name; null where there is none, or one that this user may not read} */
    private @Nullable OpenFile openReplaced() {
        try {
            return OpenFile.open(target);
        } catch (LinuxException _) {
            return null; // then the rename takes the longer
        }
    }

    /** Closes the file, and unless it was committed removes it, or what was added to it. */
    @Override
    public synchronized void close() throws IOException {
        if (!closed) {
            closed = true;
            try {
                if (!committed && !kept && keptBytes < 0) {
                    Files.deleteIfExists(temporary);
                } else if (!committed && keptBytes >= 0) {
                    file.truncate(keptBytes);
                }
            } finally {
                file.close();
                if (replaced != null) {
                    replaced.close();
                }
            }
        }
    }
}
