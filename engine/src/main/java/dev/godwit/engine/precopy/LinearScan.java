package dev.godwit.engine.precopy;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.util.List;

/**
 * QEMU's order: blocks as the list has them, pages upwards, round and round. A run ends at the end of a host page where
 * huge pages back the block, so that all dirty pages of one host page follow each other.
 */
public final class LinearScan implements ScanOrder {

    private final List<Long> hostPageBytes;
    private int blockIndex;
    private long page;

    /** The order of a machine's pages. */
    public LinearScan(GuestMemory memory) {
        this.hostPageBytes = memory.hostPageBytes();
    }

    @Override
    public boolean next(DirtyPages dirty, PageRun found, int mostPages) {
        while (blockIndex < hostPageBytes.size()) {
            PageBitmap bitmap = dirty.block(blockIndex);
            long first = bitmap.nextSet(page);
            if (first >= 0) {
                run(bitmap, first, mostPages, found);
                return true;
            }
            blockIndex++;
            page = 0;
        }
        restart();
        return false;
    }

    private void run(PageBitmap bitmap, long first, int mostPages, PageRun found) {
        long hostPages = hostPageBytes.get(blockIndex) / Page.SIZE_BYTES;
        long limit = Math.min(bitmap.pages(), first + mostPages);
        if (hostPages > 1) {
            limit = Math.min(bitmap.pages(), (first / hostPages + 1) * hostPages);
        }
        long clear = bitmap.nextClear(first);
        page = clear < 0 ? limit : Math.min(clear, limit);
        boolean goesOn = false;
        if (hostPages > 1) {
            long next = bitmap.nextSet(page);
            goesOn = next >= 0 && next < limit;
        }
        found.set(blockIndex, first, page - first, goesOn);
    }

    @Override
    public void restart() {
        blockIndex = 0;
        page = 0;
    }
}
