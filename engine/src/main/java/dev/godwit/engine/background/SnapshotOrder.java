package dev.godwit.engine.background;

import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which pages are still to be written, and who writes which: each page is given out once, in order, or out of order
 * when it is waited for. Runs begin and end at units of the block. Thread-safe.
 */
final class SnapshotOrder {

    /** Pages that one thread writes; of one block. */
    record Run(int blockIndex, long firstPage, long pages) {}

    private final List<PageBitmap> remaining = new ArrayList<>();
    private final int[] unitPages;
    private long remainingPages;
    private int block;
    private long page;

    SnapshotOrder(RamLayout layout, int[] unitPages) {
        this.unitPages = unitPages.clone();
        layout.blocks().forEach(one -> {
            PageBitmap all = new PageBitmap(one.pages());
            all.setAll();
            remaining.add(all);
            remainingPages += one.pages();
        });
    }

    /** {@return the next pages in order, null where there are none left} */
    synchronized @Nullable Run next(int mostPages) {
        while (block < remaining.size()) {
            long first = remaining.get(block).nextSet(page);
            if (first >= 0) {
                Run run = take(block, first, mostPages);
                page = run.firstPage + run.pages;
                return run;
            }
            block++;
            page = 0;
        }
        return null;
    }

    /** {@return a page that is waited for, with what follows it; null where it was given out before} */
    synchronized @Nullable Run from(int blockIndex, long wanted, int mostPages) {
        long first = wanted - wanted % unitPages[blockIndex];
        return remaining.get(blockIndex).get(first) ? take(blockIndex, first, mostPages) : null;
    }

    private Run take(int blockIndex, long first, int mostPages) {
        PageBitmap bitmap = remaining.get(blockIndex);
        long most = Math.ceilDiv(mostPages, unitPages[blockIndex]) * (long) unitPages[blockIndex];
        long clear = bitmap.nextClear(first);
        long end = Math.min(clear < 0 ? bitmap.pages() : clear, first + most);
        bitmap.clear(first, end - first);
        remainingPages -= end - first;
        return new Run(blockIndex, first, end - first);
    }

    /** {@return how many pages nobody has taken yet} */
    synchronized long remainingPages() {
        return remainingPages;
    }
}
