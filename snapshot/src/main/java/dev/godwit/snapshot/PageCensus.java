package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts pages by reading them all: those that are zero, and those whose content an earlier page had already. Pages are
 * compared by a hash of 64 bits, which is good enough to count by.
 */
public final class PageCensus {

    private static final int RUN_PAGES = 256;
    private static final long HEAP_SHARE = 4;

    private final RamSource ram;
    private final long[] seen;

    /**
     * What one block holds.
     *
     * @param presentPages stored in the file
     * @param zeroPages that read as zero, stored or not
     * @param duplicatePages that are not zero, and whose content an earlier page had, in this block or one before
     */
    public record BlockPages(long presentPages, long zeroPages, long duplicatePages) {}

    private PageCensus(RamSource ram, long[] seen) {
        this.ram = ram;
        this.seen = seen;
    }

    /**
     * {@return the counts of each block} Needs 16 to 32 bytes of memory a present page.
     *
     * @throws IOException if a page cannot be read, or that memory is more than a quarter of the heap
     */
    public static List<BlockPages> of(RamSource ram, Progress progress) throws IOException {
        long pages = 0;
        for (int block = 0; block < ram.layout().blocks().size(); block++) {
            pages += ram.present(block).setPages();
        }
        long slots = Math.max(16, Long.highestOneBit(pages) * 4);
        if (slots > 1 << 30 || slots * 8 > Runtime.getRuntime().maxMemory() / HEAP_SHARE) {
            throw new IOException("to count the duplicates among %d pages takes %d bytes, more than a quarter of this"
                            .formatted(pages, slots * 8)
                    + " JVM's heap (see -Xmx)");
        }
        progress.phase("counting pages", pages * Page.SIZE_BYTES);
        PageCensus census = new PageCensus(ram, new long[(int) slots]);
        List<BlockPages> counts = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment run = arena.allocate((long) RUN_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
            for (int block = 0; block < ram.layout().blocks().size(); block++) {
                counts.add(census.count(block, run, progress));
            }
        }
        return counts;
    }

    private BlockPages count(int blockIndex, MemorySegment run, Progress progress) throws IOException {
        RamBlock block = ram.layout().block(blockIndex);
        PageBitmap present = ram.present(blockIndex);
        long presentPages = present.setPages();
        long zeroPages = block.pages() - presentPages;
        long duplicatePages = 0;
        for (long page = present.nextSet(0); page >= 0; ) {
            long clear = present.nextClear(page);
            long end = Math.min(clear < 0 ? block.pages() : clear, page + RUN_PAGES);
            MemorySegment content = run.asSlice(0, (end - page) * Page.SIZE_BYTES);
            ram.read(blockIndex, page * Page.SIZE_BYTES, content);
            for (long at = 0; at < content.byteSize(); at += Page.SIZE_BYTES) {
                if (ZeroPages.isZero(content, at)) {
                    zeroPages++;
                } else if (!add(hash(content, at))) {
                    duplicatePages++;
                }
            }
            progress.advance(content.byteSize());
            page = end < block.pages() ? present.nextSet(end) : -1;
        }
        return new BlockPages(presentPages, zeroPages, duplicatePages);
    }

    /** {@return whether the hash is new} The table is never more than half full. */
    private boolean add(long hash) {
        int mask = seen.length - 1;
        int slot = (int) hash & mask;
        while (seen[slot] != 0) {
            if (seen[slot] == hash) {
                return false;
            }
            slot = (slot + 1) & mask;
        }
        seen[slot] = hash;
        return true;
    }

    private static long hash(MemorySegment content, long at) {
        long hash = 0x9E37_79B9_7F4A_7C15L;
        for (long i = at; i < at + Page.SIZE_BYTES; i += 8) {
            hash = Long.rotateLeft(hash ^ content.get(ValueLayout.JAVA_LONG_UNALIGNED, i), 27) * 0xC2B2_AE3D_27D4_EB4FL;
        }
        hash ^= hash >>> 32;
        // 0 marks a free slot
        return hash == 0 ? 1 : hash;
    }
}
