package dev.godwit.snapshot;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The pages of a snapshot under way: which are present, which were ever written, their hashes, and the file they go to.
 *
 * <p>Shared by all lanes. Bitmaps and hashes may be written by several threads, each for its own pages.
 */
final class PageStore {

    private static final long MAX_ZEROS_BYTES = 1 << 20;

    private final PageFile file;
    /** Cleared at the moment from which on the page cache must be used. */
    private volatile boolean direct = true;

    private final MappedRamLayout layout;
    private final List<PageBitmap> present;
    private final List<PageBitmap> written;
    private final List<PageHashes> hashes;
    private final AtomicLong writtenBytes = new AtomicLong();
    private final LongAdder zeroPages = new LongAdder();

    PageStore(PageFile file, MappedRamLayout layout) {
        this.file = file;
        this.layout = layout;
        this.present = bitmaps(layout);
        this.written = bitmaps(layout);
        this.hashes = layout.blocks().stream()
                .map(block -> new PageHashes(block.block()))
                .toList();
    }

    private static List<PageBitmap> bitmaps(MappedRamLayout layout) {
        return layout.blocks().stream()
                .map(block -> new PageBitmap(block.block().pages()))
                .toList();
    }

    MappedRamLayout layout() {
        return layout;
    }

    List<PageBitmap> present() {
        return present;
    }

    List<PageHashes> hashes() {
        return hashes;
    }

    long writtenBytes() {
        return writtenBytes.get();
    }

    /** {@return how many times a page was said to be zero} */
    long zeroPages() {
        return zeroPages.sum();
    }

    /** Notes a page that is about to be written. */
    void note(int blockIndex, long page, int crc32c) {
        hashes.get(blockIndex).set(page, crc32c);
        written.get(blockIndex).set(page);
        present.get(blockIndex).set(page);
    }

    /** {@return the descriptors of a lane that has none of its own} */
    PageFile file() {
        return file;
    }

    /**
     * Writes whole pages to their place.
     *
     * @param filledBytes how much of it is zero pages that are between others; they are not present
     */
    void write(PageFile by, int blockIndex, long offsetBytes, MemorySegment content, int filledBytes)
            throws IOException {
        long position = layout.blocks().get(blockIndex).header().pagesOffsetBytes() + offsetBytes;
        try {
            if (!by.write(position, content, direct)) {
                direct = false;
            }
        } catch (LinuxException e) {
            throw explain(e);
        }
        writtenBytes.addAndGet(content.byteSize() - filledBytes);
    }

    /** Makes pages zero: their places become holes at the end. */
    void clear(int blockIndex, long offsetBytes, long lengthBytes) {
        present.get(blockIndex).clear(offsetBytes / Page.SIZE_BYTES, lengthBytes / Page.SIZE_BYTES);
        zeroPages.add(lengthBytes / Page.SIZE_BYTES);
    }

    /** Reads a page that was written, or zeros. */
    void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        if (!present.get(blockIndex).get(offsetBytes / Page.SIZE_BYTES)) {
            target.fill((byte) 0);
            return;
        }
        // From here on reads bring neighbouring pages into the cache, where a direct write could leave old ones behind.
        direct = false;
        MappedRamBlock block = layout.blocks().get(blockIndex);
        long position = block.header().pagesOffsetBytes() + offsetBytes;
        if (file.buffered().read(position, target) < target.byteSize()) {
            throw new IOException(
                    "a page that was written is gone: block=" + block.block().id() + ", offsetBytes=" + offsetBytes);
        }
    }

    /** Gives the places back of pages that were written and became zero later. */
    void punchHoles() throws IOException {
        for (int index = 0; index < written.size(); index++) {
            PageBitmap ever = written.get(index);
            PageBitmap now = present.get(index);
            long base = layout.blocks().get(index).header().pagesOffsetBytes();
            long page = nextStale(ever, now, 0);
            while (page >= 0) {
                long end = page + 1;
                while (end < ever.pages() && ever.get(end) && !now.get(end)) {
                    end++;
                }
                makeZero(base + page * Page.SIZE_BYTES, (end - page) * Page.SIZE_BYTES);
                page = nextStale(ever, now, end);
            }
        }
    }

    /** Where the file system cannot make holes, zeros do as well, though they take room. */
    private void makeZero(long positionBytes, long lengthBytes) throws IOException {
        try {
            file.buffered().punchHole(positionBytes, lengthBytes);
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.EOPNOTSUPP)) {
                throw e;
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment zeros = arena.allocate(Math.min(lengthBytes, MAX_ZEROS_BYTES));
                for (long done = 0; done < lengthBytes; done += zeros.byteSize()) {
                    file.buffered()
                            .write(
                                    positionBytes + done,
                                    zeros.asSlice(0, Math.min(zeros.byteSize(), lengthBytes - done)));
                }
            }
        }
    }

    private static long nextStale(PageBitmap ever, PageBitmap now, long from) {
        long page = ever.nextSet(from);
        while (page >= 0 && now.get(page)) {
            page = ever.nextSet(page + 1);
        }
        return page;
    }

    /** {@return the same failure, told with what the snapshot needs where the disk is full} */
    IOException explain(LinuxException failure) {
        if (!failure.isOutOfSpace()) {
            return failure;
        }
        Path folder = file.buffered().path().toAbsolutePath().resolveSibling(".");
        String free;
        try {
            free = Files.getFileStore(folder).getUsableSpace() + " bytes are free now";
        } catch (IOException e) {
            failure.addSuppressed(e);
            free = "how much is free is not known";
        }
        return new IOException(
                "the disk of %s is full: %d bytes of pages were written, the guest's RAM may need up to %d, %s"
                        .formatted(
                                folder.normalize(),
                                writtenBytes.get(),
                                layout.ram().totalBytes(),
                                free),
                failure);
    }
}
