package dev.godwit.snapshot;

import dev.godwit.ram.Page;
import java.util.Arrays;

/**
 * The pages that a lane was told to be zero a short while ago, and has not been given again since: a table in which a
 * later page takes the place of an earlier one. Whatever it knows is so; it may have forgotten. Owned by one thread.
 */
final class RecentZeros {

    /** More than a multifd packet has, in a stream's order. */
    private static final int PAGES = 1024;

    private static final int BLOCK_SHIFT = 44;

    private final long[] keys = new long[PAGES];
    private boolean any;

    /** Both of a page, so that no two have the same; 0 is none. */
    private static long key(int blockIndex, long page) {
        return (blockIndex + 1L) << BLOCK_SHIFT | page;
    }

    private static int slot(long page) {
        return (int) (page % PAGES);
    }

    void add(int blockIndex, long offsetBytes, long lengthBytes) {
        any = true;
        long first = offsetBytes / Page.SIZE_BYTES;
        for (long page = first; page < first + lengthBytes / Page.SIZE_BYTES; page++) {
            keys[slot(page)] = key(blockIndex, page);
        }
    }

    /** Somebody has given the pages content. */
    void remove(int blockIndex, long offsetBytes, long lengthBytes) {
        if (!any) {
            return;
        }
        long first = offsetBytes / Page.SIZE_BYTES;
        for (long page = first; page < first + lengthBytes / Page.SIZE_BYTES; page++) {
            if (keys[slot(page)] == key(blockIndex, page)) {
                keys[slot(page)] = 0;
            }
        }
    }

    /** {@return whether all of them are known to be zero} */
    boolean contains(int blockIndex, long offsetBytes, long lengthBytes) {
        if (!any) {
            return false;
        }
        long first = offsetBytes / Page.SIZE_BYTES;
        for (long page = first; page < first + lengthBytes / Page.SIZE_BYTES; page++) {
            if (keys[slot(page)] != key(blockIndex, page)) {
                return false;
            }
        }
        return true;
    }

    void clear() {
        if (any) {
            Arrays.fill(keys, 0);
            any = false;
        }
    }
}
