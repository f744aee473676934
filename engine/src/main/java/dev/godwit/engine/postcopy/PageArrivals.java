package dev.godwit.engine.postcopy;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which pages of an incoming guest are here, which of them came in the postcopy phase, and which are waited for.
 *
 * <p>Thread-safe. The answer to a fault and the arrival of its page exclude each other, so that a page is asked for
 * once, or found to be here.
 */
public final class PageArrivals {

    /** Since when a page was waited for that nobody waited for. */
    public static final long NOBODY_WAITED = Long.MIN_VALUE;

    private final GuestMemory memory;
    private final List<PageBitmap> received = new ArrayList<>();
    private final List<PageBitmap> placed = new ArrayList<>();
    private final Map<PagePlace, Long> awaited = new LinkedHashMap<>();

    /** Nothing is here yet. */
    public PageArrivals(GuestMemory memory) {
        this.memory = memory;
        for (int block = 0; block < memory.blocks().size(); block++) {
            received.add(new PageBitmap(memory.layout().block(block).pages()));
            placed.add(new PageBitmap(memory.layout().block(block).lengthBytes() / hostPageBytes(block)));
        }
    }

    private long hostPageBytes(int blockIndex) {
        return memory.hostPageBytes().get(blockIndex);
    }

    /** Pages came while the guest ran at the source. */
    public void received(int blockIndex, long offsetBytes, long lengthBytes) {
        received.get(blockIndex).set(offsetBytes / Page.SIZE_BYTES, lengthBytes / Page.SIZE_BYTES);
    }

    /** Pages are forgotten, and come again. */
    public void discarded(int blockIndex, long offsetBytes, long lengthBytes) {
        received.get(blockIndex).clear(offsetBytes / Page.SIZE_BYTES, lengthBytes / Page.SIZE_BYTES);
    }

    /** {@return whether a host page came in the postcopy phase already} */
    public boolean isPlaced(int blockIndex, long hostPage) {
        return placed.get(blockIndex).get(hostPage);
    }

    /**
     * A thread waits for a host page.
     *
     * @param nowNs by {@link System#nanoTime}
     * @return whether it is to be asked for: it is not here, and nobody waited for it before
     */
    public synchronized boolean await(int blockIndex, long hostPage, long nowNs) {
        return !isHere(blockIndex, hostPage) && awaited.putIfAbsent(new PagePlace(blockIndex, hostPage), nowNs) == null;
    }

    /** {@return whether a host page is here} */
    public boolean isHere(int blockIndex, long hostPage) {
        return received.get(blockIndex).get(hostPage * (hostPageBytes(blockIndex) / Page.SIZE_BYTES));
    }

    /**
     * A host page was placed.
     *
     * @return since when it was waited for, by {@link System#nanoTime}; {@link #NOBODY_WAITED} where nobody did
     */
    public synchronized long placed(int blockIndex, long hostPage) {
        long pagesEach = hostPageBytes(blockIndex) / Page.SIZE_BYTES;
        received.get(blockIndex).set(hostPage * pagesEach, pagesEach);
        placed.get(blockIndex).set(hostPage);
        if (awaited.isEmpty()) {
            return NOBODY_WAITED;
        }
        Long sinceNs = awaited.remove(new PagePlace(blockIndex, hostPage));
        if (sinceNs != null && awaited.isEmpty()) {
            notifyAll();
        }
        return sinceNs == null ? NOBODY_WAITED : sinceNs;
    }

    /**
     * Consecutive host pages of 4 KiB were placed.
     *
     * @return whether that is noted, since nobody waits for any page; otherwise each is to be told of by
     *     {@link #placed}
     */
    synchronized boolean placedUnawaited(int blockIndex, long firstPage, long pages) {
        if (!awaited.isEmpty()) {
            return false;
        }
        received.get(blockIndex).set(firstPage, pages);
        placed.get(blockIndex).set(firstPage, pages);
        return true;
    }

    /** {@return whether somebody waits for a page} */
    synchronized boolean isAnyAwaited() {
        return !awaited.isEmpty();
    }

    /** {@return the host pages that are waited for, the longest first} */
    public synchronized List<PagePlace> awaited() {
        return List.copyOf(awaited.keySet());
    }

    /**
     * Waits until nobody waits for a page.
     *
     * @param orTimeMs at most so long
     * @return whether it is so
     */
    public synchronized boolean awaitNoneAwaited(long orTimeMs) throws InterruptedException {
        long endNs = System.nanoTime() + orTimeMs * 1_000_000;
        while (!awaited.isEmpty()) {
            long leftMs = (endNs - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                return false;
            }
            wait(leftMs);
        }
        return true;
    }

    /** {@return how many bytes of a block are here} */
    public long receivedBytes(int blockIndex) {
        return received.get(blockIndex).setPages() * Page.SIZE_BYTES;
    }

    /** {@return which pages of a block are here, in QEMU's form: 64-bit little-endian words, bit i is page i} */
    public byte[] receivedBitmap(int blockIndex) {
        PageBitmap bitmap = received.get(blockIndex);
        byte[] bytes = new byte[(int) bitmap.lengthBytes()];
        bitmap.writeTo(MemorySegment.ofArray(bytes));
        return bytes;
    }
}
