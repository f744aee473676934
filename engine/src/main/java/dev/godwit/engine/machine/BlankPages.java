package dev.godwit.engine.machine;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import java.util.ArrayList;
import java.util.List;

/**
 * The pages of a machine's memory that hold zeros because nobody has written to them yet. To look at such a page would
 * be enough to have the kernel find memory for it.
 *
 * <p>Several threads may use it, for one page one at a time. Memory: 32 KiB for each GiB.
 */
final class BlankPages {

    private final List<PageBitmap> blank = new ArrayList<>();

    /** The pages of the extents that nobody has touched. */
    BlankPages(GuestMemory memory, MemoryAhead ahead) {
        long extentPages = MemoryAhead.EXTENT_BYTES / Page.SIZE_BYTES;
        for (int index = 0; index < memory.blocks().size(); index++) {
            RamBlock block = memory.layout().block(index);
            PageBitmap pages = new PageBitmap(block.pages());
            for (long first = 0; first < block.pages(); first += extentPages) {
                if (ahead.wasUntouched(index, first / extentPages)) {
                    pages.set(first, Math.min(extentPages, block.pages() - first));
                }
            }
            blank.add(pages);
        }
    }

    /** Pages are about to be written. */
    void written(int blockIndex, long offsetBytes, long lengthBytes) {
        blank.get(blockIndex).clear(offsetBytes / Page.SIZE_BYTES, lengthBytes / Page.SIZE_BYTES);
    }

    /** {@return whether a page is known to hold zeros} */
    boolean isBlank(int blockIndex, long offsetBytes) {
        return blank.get(blockIndex).get(offsetBytes / Page.SIZE_BYTES);
    }
}
