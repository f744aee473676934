package dev.godwit.snapshot;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.ram.Page;
import java.io.Closeable;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The descriptors by which pages go to a file: through the page cache, and past it where that is wanted and possible.
 * Owns the second, and the first where it opened it. Thread-safe.
 */
final class PageFile implements Closeable {

    /** Shorter runs are not worth the way past the page cache. */
    private static final long DIRECT_FROM_BYTES = 64 << 10;

    private final OpenFile buffered;
    private final boolean owned;
    private final @Nullable OpenFile direct;

    PageFile(OpenFile buffered, boolean owned, @Nullable OpenFile direct) {
        this.buffered = buffered;
        this.owned = owned;
        this.direct = direct;
    }

    /**
     * Goes by a descriptor that somebody else closes.
     *
     * @param path of the file
     * @param directIo whether another one past the page cache is wanted; where there is none to be had, the cache does
     */
    static PageFile of(OpenFile buffered, Path path, boolean directIo) throws LinuxException {
        return new PageFile(buffered, false, directIo ? openDirect(path) : null);
    }

    /** Goes by descriptors of its own. */
    static PageFile open(Path path, boolean directIo) throws LinuxException {
        OpenFile buffered = OpenFile.open(path, OpenFlag.WRITE);
        try {
            return new PageFile(buffered, true, directIo ? openDirect(path) : null);
        } catch (LinuxException e) {
            buffered.close();
            throw e;
        }
    }

    private static @Nullable OpenFile openDirect(Path path) throws LinuxException {
        try {
            return OpenFile.open(path, OpenFlag.WRITE, OpenFlag.DIRECT);
        } catch (LinuxException e) {
            if (e.errno().equals(Errno.EINVAL)) {
                return null; // this file system has no direct I/O: the page cache does as well
            }
            throw e;
        }
    }

    OpenFile buffered() {
        return buffered;
    }

    boolean isDirect() {
        return direct != null;
    }

    /**
     * Writes whole pages.
     *
     * @param directly whether the page cache may be gone past
     * @return false where it may not from now on: this file or its disk wants another alignment, which is learnt only
     *     by trying
     */
    boolean write(long positionBytes, MemorySegment content, boolean directly) throws LinuxException {
        if (direct == null
                || !directly
                || content.byteSize() < DIRECT_FROM_BYTES
                || content.address() % Page.SIZE_BYTES != 0) {
            buffered.write(positionBytes, content);
            return true;
        }
        try {
            direct.write(positionBytes, content);
            return true;
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.EINVAL)) {
                throw e;
            }
            buffered.write(positionBytes, content);
            return false;
        }
    }

    @Override
    public void close() {
        if (direct != null) {
            direct.close();
        }
        if (owned) {
            buffered.close();
        }
    }
}
