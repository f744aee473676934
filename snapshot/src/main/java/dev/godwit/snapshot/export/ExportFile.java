package dev.godwit.snapshot.export;

import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.UUID;

/**
 * A file that appears under its name when it is whole: written beside it with mode 0600, synced, then moved there.
 * Closed without {@link #commit()}, it leaves nothing, and what was there before stays.
 */
public final class ExportFile implements AutoCloseable {

    private final Path target;
    private final Path temporary;
    private final boolean replace;
    private final OpenFile file;
    private long appendPositionBytes;
    private boolean committed;

    private ExportFile(Path target, Path temporary, boolean replace, OpenFile file) {
        this.target = target;
        this.temporary = temporary;
        this.replace = replace;
        this.file = file;
    }

    /**
     * Makes the temporary file.
     *
     * @param target the name to be
     * @param replace whether a file of that name may be replaced
     * @throws FileAlreadyExistsException if there is one and it may not; nothing was made
     * @throws IOException if no file can be made there
     */
    public static ExportFile create(Path target, boolean replace) throws IOException {
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) && (!replace || Files.isDirectory(target))) {
            throw new FileAlreadyExistsException(target.toString());
        }
        Path parent = Objects.requireNonNullElse(target.toAbsolutePath().getParent(), Path.of("/"));
        Path temporary = parent.resolve(".godwit-" + UUID.randomUUID() + ".tmp");
        return new ExportFile(target, temporary, replace, OpenFile.open(temporary, OpenFlag.CREATE_NEW));
    }

    /**
     * Writes all of the content at a position.
     *
     * @throws IOException if the disk is full or fails; the file is of no more use
     */
    public void write(long positionBytes, MemorySegment content) throws IOException {
        file.write(positionBytes, content);
    }

    /** Cuts the file, or lengthens it by a hole. */
    public void truncate(long lengthBytes) throws IOException {
        file.truncate(lengthBytes);
    }

    /** {@return a way to write the file from its start to its end; closing it does nothing} */
    public WritableByteChannel appending() {
        return new WritableByteChannel() {
            @Override
            public int write(ByteBuffer source) throws IOException {
                int bytes = source.remaining();
                file.write(appendPositionBytes, MemorySegment.ofBuffer(source));
                source.position(source.limit());
                appendPositionBytes += bytes;
                return bytes;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
    }

    /**
     * Syncs the file and gives it its name.
     *
     * @throws IOException if that fails, or a file of that name has appeared that may not be replaced; nothing of this
     *     one stays after {@link #close()}
     */
    public void commit() throws IOException {
        file.sync();
        if (replace) {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } else {
            Files.createLink(target, temporary);
        }
        committed = true;
        Path parent = Objects.requireNonNull(temporary.getParent(), "made in a folder");
        try (OpenFile folder = OpenFile.open(parent)) {
            folder.sync();
        }
    }

    /** {@return whether the file has its name} */
    public boolean isCommitted() {
        return committed;
    }

    @Override
    public void close() throws IOException {
        try (file) {
            Files.deleteIfExists(temporary);
        }
    }
}
