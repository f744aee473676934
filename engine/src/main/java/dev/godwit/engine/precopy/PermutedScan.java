package dev.godwit.engine.precopy;

import dev.godwit.ram.RamLayout;

/**
 * Xen's order of 2007: the bits of the page number rotated, so that neighbours, which behave alike, are far apart and
 * the part of a round that has been done is a fair sample of the rest (Xen migration specification section 1.5).
 *
 * <pre>
 * order = number of bits of n - 1
 * v = position; repeat: v = v rotated left by 10 within order bits, until v &lt; n
 * </pre>
 *
 * With fewer than 10 bits the identity stands in for what C leaves undefined. The blocks follow each other in one space
 * of n pages.
 */
public final class PermutedScan implements ScanOrder {

    private static final int ROTATION = 10;

    private final long[] blockStarts;
    private final long pages;
    private final int order;
    private long position;

    /** The order of a machine's pages. */
    public PermutedScan(RamLayout layout) {
        blockStarts = new long[layout.blocks().size() + 1];
        for (int block = 0; block < layout.blocks().size(); block++) {
            blockStarts[block + 1] = blockStarts[block] + layout.block(block).pages();
        }
        pages = blockStarts[layout.blocks().size()];
        order = 64 - Long.numberOfLeadingZeros(pages - 1);
    }

    /** {@return the page at a position of the order} Both are from 0 to the number of pages less one. */
    public long pageAt(long at) {
        if (order < ROTATION) {
            return at;
        }
        long mask = order == 64 ? -1L : (1L << order) - 1;
        long page = at;
        do {
            page = ((page >>> (order - ROTATION)) | (page << ROTATION)) & mask;
        } while (page >= pages);
        return page;
    }

    @Override
    public boolean next(DirtyPages dirty, PageRun found, int mostPages) {
        while (position < pages) {
            long page = pageAt(position++);
            int block = 0;
            while (page >= blockStarts[block + 1]) {
                block++;
            }
            long inBlock = page - blockStarts[block];
            if (dirty.block(block).get(inBlock)) {
                found.set(block, inBlock, 1, false);
                return true;
            }
        }
        restart();
        return false;
    }

    @Override
    public void restart() {
        position = 0;
    }
}
