package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.IoVectors;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Reads the present pages of a stretch of the file into memory whose other pages are not touched. What lies in the file
 * for short gaps is read too, and forgotten: a disk, and the page cache, have it in less time than another call takes.
 * Owned by one thread.
 */
final class PresentPages {

    /** A longer one is not read, and not written either. */
    static final int LONGEST_GAP_PAGES = 8;

    static final int LONGEST_GAP_BYTES = LONGEST_GAP_PAGES * Page.SIZE_BYTES;

    /** So many pages at a time: what a disk takes in one request. */
    private static final long MOST_PAGES = 256;

    private final IoVectors vectors = new IoVectors(IoVectors.CAPACITY_MAX);
    private final MemorySegment forgotten = Arena.ofAuto().allocate(LONGEST_GAP_BYTES, Page.SIZE_BYTES);

    /**
     * {@return where a stretch ends that begins with a page that is present} The last page of it is too.
     *
     * @param limit a page behind all that may be in it
     */
    static long stretchEnd(PageBitmap present, long first, long limit) {
        long most = Math.min(limit, first + MOST_PAGES);
        long end = runEnd(present, first, most);
        for (long next = present.nextSet(end);
                end < most && next >= 0 && next < most && next - end <= LONGEST_GAP_PAGES;
                next = present.nextSet(end)) {
            end = runEnd(present, next, most);
        }
        return end;
    }

    private static long runEnd(PageBitmap present, long page, long limit) {
        long clear = present.nextClear(page);
        return clear < 0 ? limit : Math.min(clear, limit);
    }

    /**
     * Reads a stretch.
     *
     * @param positionBytes where its first page lies in the file
     * @param target the memory of the whole stretch
     * @throws IOException if the file cannot be read or ends before; an unknown part has been read
     */
    void read(SnapshotFile file, long positionBytes, PageBitmap present, long first, MemorySegment target)
            throws IOException {
        vectors.clear();
        long end = first + target.byteSize() / Page.SIZE_BYTES;
        for (long page = first; page < end; ) {
            long stop = runEnd(present, page, end);
            vectors.add(target.address() + (page - first) * Page.SIZE_BYTES, (stop - page) * Page.SIZE_BYTES);
            page = stop;
            if (page < end) {
                long next = present.nextSet(page);
                vectors.add(forgotten.address(), (next - page) * Page.SIZE_BYTES);
                page = next;
            }
        }
        long done = file.read(positionBytes, vectors);
        if (done < target.byteSize()) {
            throw new StreamFormatException(
                    positionBytes + done, "pages", target.byteSize() - done + " more bytes", "the end of the file");
        }
    }
}
