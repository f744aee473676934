package dev.godwit.qemu;

import dev.godwit.codec.XbzrleEncoder;
import dev.godwit.engine.precopy.TransferCounters.XbzrleCounters;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Sends pages as differences to what was sent of them before, where that is known (qemu-migration specification section
 * 2.4). Every page is copied first and sent from the copy: the cache holds exactly what the destination has, whatever
 * the guest writes meanwhile. Owned by one thread.
 */
final class XbzrlePages implements AutoCloseable {

    private final MachinePages pages;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment copy = arena.allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final MemorySegment delta = arena.allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final XbzrleEncoder encoder = new XbzrleEncoder();
    private XbzrleCache cache;
    private long pass;
    private boolean last;
    private long deltaBytes;
    private long deltaPages;
    private long cacheMisses;
    private long overflows;

    XbzrlePages(MachinePages pages, long cacheBytes) {
        this.pages = pages;
        this.cache = new XbzrleCache(cacheBytes);
    }

    /** Changes the size of the cache; another size empties it. */
    void cacheBytes(long lengthBytes) {
        if (lengthBytes != cache.lengthBytes()) {
            XbzrleCache old = cache;
            cache = new XbzrleCache(lengthBytes);
            old.close();
        }
    }

    void beginPass(long number) {
        pass = number;
    }

    /** The guest stands still: nothing is sent twice from here on, so nothing needs to be kept. */
    void beginLast() {
        last = true;
    }

    /** A page was sent as zero. */
    void sentZero(int blockIndex, long page) {
        long number = pages.number(blockIndex, page);
        if (!last && cache.takes(number, pass)) {
            cache.chunk(number)
                    .asSlice(cache.offsetBytes(number), Page.SIZE_BYTES)
                    .fill((byte) 0);
        }
    }

    /** Sends a page that is not zero. */
    void page(int blockIndex, long page) throws IOException {
        long number = pages.number(blockIndex, page);
        if (!cache.uses(number, pass)) {
            cacheMisses++;
            miss(blockIndex, page, number);
            return;
        }
        MemorySegment.copy(pages.block(blockIndex), page * Page.SIZE_BYTES, copy, 0, Page.SIZE_BYTES);
        MemorySegment base = cache.chunk(number).asSlice(cache.offsetBytes(number), Page.SIZE_BYTES);
        int lengthBytes = encoder.encode(base, copy, delta);
        if (lengthBytes == XbzrleEncoder.OVERFLOW) {
            overflows++;
            pages.copied(blockIndex, page, copy);
        } else {
            deltaPages++;
            if (lengthBytes > 0) {
                deltaBytes += lengthBytes;
                pages.difference(blockIndex, page, delta.asSlice(0, lengthBytes));
            }
        }
        if (!last && lengthBytes != 0) {
            MemorySegment.copy(copy, 0, base, 0, Page.SIZE_BYTES);
        }
    }

    private void miss(int blockIndex, long page, long number) throws IOException {
        if (last || !cache.takes(number, pass)) {
            pages.lent(blockIndex, page);
            return;
        }
        MemorySegment kept = cache.chunk(number).asSlice(cache.offsetBytes(number), Page.SIZE_BYTES);
        MemorySegment.copy(pages.block(blockIndex), page * Page.SIZE_BYTES, kept, 0, Page.SIZE_BYTES);
        pages.copied(blockIndex, page, kept);
    }

    XbzrleCounters counters() {
        return new XbzrleCounters(cache.lengthBytes(), deltaBytes, deltaPages, cacheMisses, overflows);
    }

    @Override
    public void close() {
        cache.close();
        arena.close();
    }
}
