package dev.godwit.snapshot;

import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Whether the area of a block's pages in a file is that block's RAM byte for byte, so that a guest can have it as its
 * memory without anybody reading the bitmap: pages that are not present have to be holes, or zeros.
 */
public final class MappablePages {

    private MappablePages() {}

    /**
     * Looks at every place that is not present by the bitmap and yet no hole.
     *
     * @throws IOException if the file has another format, one of those places is not zero, or it cannot be read
     */
    public static void check(Snapshot snapshot, int blockIndex) throws IOException {
        MappedRamBlock block = checkedBlock(snapshot, blockIndex);
        PageBitmap present = snapshot.present(blockIndex);
        long pages = block.block().pages();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment page = arena.allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
            for (long first = present.nextClear(0); first >= 0 && first < pages; ) {
                long next = present.nextSet(first);
                long end = next < 0 ? pages : next;
                checkAbsent(snapshot.file(), block, first, end, page);
                first = end < pages ? present.nextClear(end) : -1;
            }
        }
    }

    /**
     * The same, but takes Godwit's word where the file has its trailer: it leaves holes in those places, and what has
     * become of them since is damage, which {@link Verification} finds as it finds that of pages. Each hole takes a
     * system call, and a guest of gigabytes has hundreds of thousands.
     *
     * @throws IOException as {@link #check} does
     */
    public static void checkIfForeign(Snapshot snapshot, int blockIndex) throws IOException {
        if (snapshot.trailer().isPresent()) {
            checkedBlock(snapshot, blockIndex);
        } else {
            check(snapshot, blockIndex);
        }
    }

    private static MappedRamBlock checkedBlock(Snapshot snapshot, int blockIndex) throws IOException {
        if (snapshot.kind() == Snapshot.Kind.QEMU_STREAM) {
            throw new IOException(snapshot.path()
                    + " is a migration stream, in which no page has a place of its own; godwit convert --to mapped-ram"
                    + " makes a file that can be mapped");
        }
        MappedRamBlock block = snapshot.head().layout().blocks().get(blockIndex);
        if (block.pagesEndBytes() > snapshot.lengthBytes()) {
            throw new IOException("the file ends at byte %d, before the pages of block %s do (byte %d)"
                    .formatted(snapshot.lengthBytes(), block.block().id(), block.pagesEndBytes()));
        }
        return block;
    }

    private static void checkAbsent(
            SnapshotFile snapshot, MappedRamBlock block, long first, long end, MemorySegment page) throws IOException {
        OpenFile file = snapshot.file();
        long base = block.header().pagesOffsetBytes();
        long endBytes = base + end * Page.SIZE_BYTES;
        for (long at = file.nextData(base + first * Page.SIZE_BYTES); at >= 0 && at < endBytes; ) {
            long pageBytes = base + (at - base) / Page.SIZE_BYTES * Page.SIZE_BYTES;
            snapshot.readFully(pageBytes, page, "place of a page that is not present");
            if (!ZeroPages.isZero(page, 0)) {
                throw new IOException(
                        ("page 0x%x of block %s is zero by the bitmap, and its place in the file (byte %d)"
                                        + " holds something else, which a guest would see; godwit convert --to mapped-ram makes"
                                        + " a file that can be mapped")
                                .formatted(pageBytes - base, block.block().id(), pageBytes));
            }
            at = pageBytes + Page.SIZE_BYTES < endBytes ? file.nextData(pageBytes + Page.SIZE_BYTES) : -1;
        }
    }
}
