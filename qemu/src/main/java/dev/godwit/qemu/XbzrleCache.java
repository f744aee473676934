package dev.godwit.qemu;

import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What was sent last of some pages, as the base of the next difference (qemu-migration specification section 2.4): one
 * place for each page number modulo the number of places. A place that another page has is given up only when that page
 * has not been used for two passes. Memory is had as it is needed. Owned by one thread.
 */
final class XbzrleCache implements AutoCloseable {

    private static final long KEPT_PASSES = 2;
    private static final long EMPTY = -1;
    private static final int CHUNK_PAGES = 256;

    private final Arena arena = Arena.ofShared();
    private final int places;
    private final long[] pageAt;
    private final long[] passAt;
    private final @Nullable MemorySegment[] chunks;

    /**
     * An empty cache.
     *
     * @param lengthBytes a power of two of at least a page
     * @throws IllegalArgumentException if it is more than Java can number
     */
    XbzrleCache(long lengthBytes) {
        if (lengthBytes < Page.SIZE_BYTES
                || Long.bitCount(lengthBytes) != 1
                || lengthBytes / Page.SIZE_BYTES > 1 << 28) {
            throw new IllegalArgumentException("xbzrle-cache-size: " + lengthBytes);
        }
        places = (int) (lengthBytes / Page.SIZE_BYTES);
        pageAt = new long[places];
        passAt = new long[places];
        Arrays.fill(pageAt, EMPTY);
        chunks = new MemorySegment[(places + CHUNK_PAGES - 1) / CHUNK_PAGES];
    }

    long lengthBytes() {
        return (long) places * Page.SIZE_BYTES;
    }

    /**
     * {@return whether a page is cached; it is used in this pass then}
     *
     * @param page its number in all of RAM
     */
    boolean uses(long page, long pass) {
        int place = place(page);
        if (pageAt[place] != page) {
            return false;
        }
        passAt[place] = pass;
        return true;
    }

    /** {@return whether the page may have its place; it has it then} */
    boolean takes(long page, long pass) {
        int place = place(page);
        if (pageAt[place] != EMPTY && pageAt[place] != page && passAt[place] + KEPT_PASSES > pass) {
            return false;
        }
        pageAt[place] = page;
        passAt[place] = pass;
        return true;
    }

    /** {@return the memory in which the page's place lies, at {@link #offsetBytes}} */
    MemorySegment chunk(long page) {
        int index = place(page) / CHUNK_PAGES;
        MemorySegment chunk = chunks[index];
        if (chunk == null) {
            int pages = Math.min(CHUNK_PAGES, places);
            chunk = arena.allocate((long) pages * Page.SIZE_BYTES, Page.SIZE_BYTES);
            chunks[index] = chunk;
        }
        return chunk;
    }

    /** {@return where in {@link #chunk} the page's place begins} */
    long offsetBytes(long page) {
        return (long) (place(page) % CHUNK_PAGES) * Page.SIZE_BYTES;
    }

    private int place(long page) {
        return (int) (page & (places - 1));
    }

    @Override
    public void close() {
        arena.close();
    }
}
