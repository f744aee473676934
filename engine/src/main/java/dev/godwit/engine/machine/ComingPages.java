package dev.godwit.engine.machine;

import dev.godwit.ram.Page;

/**
 * Guesses from the pages that a channel brings which memory it will need next: where extents fill one after the other,
 * those behind them. Looks no more extents ahead than have filled one after the other. Owned by one thread.
 */
final class ComingPages {

    /** Far enough for two threads to be busy with. */
    private static final int MOST_AHEAD = 8;

    /** Of the 512 pages of an extent; with fewer, what comes is scattered. */
    private static final long FILLED_PAGES = 128;

    private static final int NONE = -1;

    private final MemoryAhead ahead;
    private int block = NONE;
    private long extent = NONE;
    private long extentEndBytes;
    private long pages;
    private int filledExtents;

    ComingPages(MemoryAhead ahead) {
        this.ahead = ahead;
    }

    /** Is told of consecutive pages with content, before they are written. */
    void come(int blockIndex, long offsetBytes, long lengthBytes) {
        if (blockIndex != block
                || offsetBytes >= extentEndBytes
                || offsetBytes < extentEndBytes - MemoryAhead.EXTENT_BYTES) {
            enter(blockIndex, offsetBytes);
        }
        long atBytes = offsetBytes;
        long endBytes = offsetBytes + lengthBytes;
        while (endBytes > extentEndBytes) {
            pages += (extentEndBytes - atBytes) / Page.SIZE_BYTES;
            atBytes = extentEndBytes;
            enter(blockIndex, atBytes);
        }
        pages += (endBytes - atBytes) / Page.SIZE_BYTES;
    }

    private void enter(int blockIndex, long offsetBytes) {
        long entered = offsetBytes / MemoryAhead.EXTENT_BYTES;
        boolean next = blockIndex == block && entered == extent + 1;
        filledExtents = next && pages >= FILLED_PAGES ? Math.min(filledExtents + 1, MOST_AHEAD) : 0;
        block = blockIndex;
        extent = entered;
        extentEndBytes = (entered + 1) * MemoryAhead.EXTENT_BYTES;
        pages = 0;
        for (int i = 1; i <= filledExtents; i++) {
            ahead.soon(blockIndex, entered + i);
        }
        ahead.now(blockIndex, offsetBytes);
    }
}
