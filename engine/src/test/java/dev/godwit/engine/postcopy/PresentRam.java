package dev.godwit.engine.postcopy;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** RAM of which only the bitmaps matter. */
final class PresentRam implements RamSource {

    private final RamLayout layout;
    private final List<PageBitmap> present = new ArrayList<>();

    /** Blocks of so many pages, without content. */
    PresentRam(long... pages) {
        List<RamBlock> blocks = new ArrayList<>();
        for (long count : pages) {
            blocks.add(new RamBlock("block" + blocks.size(), count * Page.SIZE_BYTES));
            present.add(new PageBitmap(count));
        }
        layout = new RamLayout(blocks);
    }

    PresentRam with(int block, long... pages) {
        for (long page : pages) {
            present.get(block).set(page);
        }
        return this;
    }

    PresentRam withAll() {
        present.forEach(PageBitmap::setAll);
        return this;
    }

    @Override
    public RamLayout layout() {
        return layout;
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return present.get(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        throw new AssertionError("nobody reads here");
    }
}
