package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The RAM of a snapshot as one of several readers sees it, each by descriptors of its own; pages with a checksum are
 * held against it. Thread-safe, and good for as long as its {@link Snapshot} is open.
 */
public final class SnapshotReader implements RamSource, Closeable {

    private final OpenFile buffered;
    private final @Nullable OpenFile direct;
    private final PlacedPages pages;
    private volatile @Nullable PlacedPages directPages;
    private final Optional<CheckedPages> hashes;

    private SnapshotReader(
            OpenFile buffered,
            @Nullable OpenFile direct,
            SnapshotFile file,
            PlacedPages pages,
            Optional<CheckedPages> hashes) {
        this.buffered = buffered;
        this.direct = direct;
        this.pages = pages.by(new SnapshotFile(buffered, file.lengthBytes()));
        this.directPages = direct == null ? null : pages.by(new SnapshotFile(direct, file.lengthBytes()));
        this.hashes = hashes;
    }

    static SnapshotReader open(SnapshotFile file, PlacedPages pages, Optional<CheckedPages> hashes, boolean directIo)
            throws IOException {
        // The same file again, whatever its name has become.
        Path link = Path.of("/proc/self/fd/" + file.file().descriptor().number());
        OpenFile buffered = OpenFile.open(link);
        try {
            return new SnapshotReader(buffered, directIo ? openDirect(link) : null, file, pages, hashes);
        } catch (IOException | RuntimeException e) {
            buffered.close();
            throw e;
        }
    }

    private static @Nullable OpenFile openDirect(Path link) throws LinuxException {
        try {
            return OpenFile.open(link, OpenFlag.DIRECT);
        } catch (LinuxException e) {
            if (e.errno().equals(Errno.EINVAL)) {
                return null; // this file system has no direct I/O: the page cache does as well
            }
            throw e;
        }
    }

    @Override
    public RamLayout layout() {
        return pages.layout();
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return pages.present(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        if (!directly(target, past -> past.read(blockIndex, offsetBytes, target))) {
            pages.read(blockIndex, offsetBytes, target);
        }
        if (hashes.isPresent()) {
            hashes.get().check(blockIndex, offsetBytes, target);
        }
    }

    /**
     * Reads the pages of a stretch that are present, and leaves the memory of the others alone.
     *
     * @param target native memory
     */
    void readPresent(PresentPages by, int blockIndex, long first, MemorySegment target) throws IOException {
        if (!directly(target, past -> past.readPresent(by, blockIndex, first, target))) {
            pages.readPresent(by, blockIndex, first, target);
        }
        if (hashes.isPresent()) {
            hashes.get().check(blockIndex, first * Page.SIZE_BYTES, target);
        }
    }

    private interface Reading {
        void from(PlacedPages pages) throws IOException;
    }

    /** {@return false where that is not possible} */
    private boolean directly(MemorySegment target, Reading reading) throws IOException {
        PlacedPages past = directPages;
        if (past == null || !target.isNative() || target.address() % Page.SIZE_BYTES != 0) {
            return false;
        }
        try {
            reading.from(past);
            return true;
        } catch (LinuxException e) {
            if (e.errno().equals(Errno.EINVAL)) { // another alignment is wanted, which is learnt only by trying
                directPages = null;
                return false;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        buffered.close();
        if (direct != null) {
            direct.close();
        }
    }
}
