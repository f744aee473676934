package dev.godwit.engine.postcopy;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Which pages of a guest are still to be sent in postcopy. A page is sent by whoever claims it first, be it asked for
 * or pushed, and never again: a destination can place a page only once.
 *
 * <p>It counts in host pages of the destination, since those are placed whole: 4096 bytes, or a huge page. Host pages
 * that are zero may be claimed, but are not among those to be pushed: what is never sent is zero at the end.
 *
 * <p>{@link #claim} is atomic and may be called by several threads; a look at what is left may be late, never wrong
 * about a page that nobody has claimed.
 */
public final class PageClaims {

    private final RamLayout layout;
    private final List<Long> hostPageBytes;
    private final List<PageBitmap> unclaimed = new ArrayList<>();
    private final List<PageBitmap> toPush = new ArrayList<>();

    private PageClaims(
            RamLayout layout, List<Long> hostPageBytes, List<PageBitmap> missing, IntFunction<PageBitmap> content) {
        this.layout = layout;
        this.hostPageBytes = List.copyOf(hostPageBytes);
        if (hostPageBytes.size() != layout.blocks().size()) {
            throw new IllegalArgumentException("hostPageBytes=%s for %s".formatted(hostPageBytes, layout));
        }
        for (int block = 0; block < hostPageBytes.size(); block++) {
            long bytes = hostPageBytes.get(block);
            long lengthBytes = layout.block(block).lengthBytes();
            if (bytes < Page.SIZE_BYTES || Long.bitCount(bytes) != 1 || lengthBytes % bytes != 0) {
                throw new IllegalArgumentException(
                        "host pages of %d bytes under %s".formatted(bytes, layout.block(block)));
            }
            long hostPages = lengthBytes / bytes;
            if (missing.isEmpty()) {
                PageBitmap all = new PageBitmap(hostPages);
                all.setAll();
                unclaimed.add(all);
            } else {
                unclaimed.add(hostPagesOf(missing.get(block), hostPages, bytes / Page.SIZE_BYTES));
            }
            toPush.add(hostPagesOf(content.apply(block), hostPages, bytes / Page.SIZE_BYTES));
        }
    }

    /**
     * Claims of a guest of which nothing is sent.
     *
     * @param hostPageBytes for each block, the size of the host pages under it at the destination
     * @throws IllegalArgumentException if a block is no multiple of its host pages, or there is not one size a block
     */
    public PageClaims(RamSource ram, List<Long> hostPageBytes) {
        this(ram.layout(), hostPageBytes, List.of(), ram::present);
    }

    /** Claims where every block lies on pages of 4096 bytes. */
    public PageClaims(RamSource ram) {
        this(ram, Collections.nCopies(ram.layout().blocks().size(), (long) Page.SIZE_BYTES));
    }

    /**
     * {@return claims of a guest of which some pages are at the destination already} A host page of which any page is
     * missing there is missing whole.
     *
     * @param missing for each block one bit a page of 4096 bytes: set for those that are still to be sent
     * @throws IllegalArgumentException as the constructor
     */
    public static PageClaims ofMissing(RamLayout layout, List<Long> hostPageBytes, List<PageBitmap> missing) {
        return new PageClaims(layout, hostPageBytes, missing, missing::get);
    }

    private PageClaims(PageClaims other) {
        this.layout = other.layout;
        this.hostPageBytes = other.hostPageBytes;
        other.unclaimed.forEach(bits -> unclaimed.add(hostPagesOf(bits, bits.pages(), 1)));
        other.toPush.forEach(bits -> toPush.add(hostPagesOf(bits, bits.pages(), 1)));
    }

    /** {@return the same, which change no more when these are claimed} Before anybody claims. */
    public PageClaims copy() {
        return new PageClaims(this);
    }

    private static PageBitmap hostPagesOf(PageBitmap present, long hostPages, long pagesEach) {
        PageBitmap content = new PageBitmap(hostPages);
        if (pagesEach == 1) {
            content.or(present); // a guest may stand still meanwhile
            return content;
        }
        for (long page = present.nextSet(0); page >= 0; ) {
            long hostPage = page / pagesEach;
            content.set(hostPage);
            page = present.nextSet((hostPage + 1) * pagesEach);
        }
        return content;
    }

    /**
     * Takes what a destination has received already as claimed; before anybody else claims.
     *
     * @param received one bit a page of 4096 bytes
     * @throws IllegalArgumentException if it is not as long as the block
     */
    public void received(int blockIndex, PageBitmap received) {
        if (received.pages() != layout.block(blockIndex).pages()) {
            throw new IllegalArgumentException(
                    "received.pages=%d of %s".formatted(received.pages(), layout.block(blockIndex)));
        }
        long pagesEach = pagesInHostPage(blockIndex);
        for (long page = received.nextSet(0); page >= 0; ) {
            long hostPage = page / pagesEach;
            long end = (hostPage + 1) * pagesEach;
            long missing = received.nextClear(page);
            // Host pages that came in part were dropped when the connection was.
            if (page == hostPage * pagesEach && (missing < 0 || missing >= end)) {
                claim(blockIndex, hostPage);
            }
            page = received.nextSet(end);
        }
    }

    /** {@return whether the caller is the one who sends this page} */
    public boolean claim(int blockIndex, long hostPage) {
        if (!unclaimed.get(blockIndex).testAndClear(hostPage)) {
            return false;
        }
        PageBitmap pushed = toPush.get(blockIndex);
        if (pushed.get(hostPage)) {
            pushed.clear(hostPage);
        }
        return true;
    }

    /** {@return whether nobody has claimed the page yet} */
    public boolean isUnclaimed(int blockIndex, long hostPage) {
        return unclaimed.get(blockIndex).get(hostPage);
    }

    /** {@return whether a page is still to be pushed: it has content, and nobody has claimed it} */
    public boolean isToPush(int blockIndex, long hostPage) {
        return toPush.get(blockIndex).get(hostPage);
    }

    /** {@return the first page at or after this one that is still to be pushed, or -1} */
    public long nextToPush(int blockIndex, long hostPage) {
        return toPush.get(blockIndex).nextSet(hostPage);
    }

    /** {@return the first page at or after this one that nobody has claimed, or -1} */
    public long nextUnclaimed(int blockIndex, long hostPage) {
        return unclaimed.get(blockIndex).nextSet(hostPage);
    }

    /** {@return the first page at or after this one that somebody has claimed, or the end of the block} */
    public long nextClaimed(int blockIndex, long hostPage) {
        long page = unclaimed.get(blockIndex).nextClear(hostPage);
        return page < 0 ? hostPages(blockIndex) : page;
    }

    /** {@return how many bytes are still to be pushed} */
    public long bytesToPush() {
        long bytes = 0;
        for (int block = 0; block < toPush.size(); block++) {
            bytes += toPush.get(block).setPages() * hostPageBytes.get(block);
        }
        return bytes;
    }

    /** {@return the blocks} */
    public RamLayout layout() {
        return layout;
    }

    /** {@return the size of the host pages under a block} */
    public long hostPageBytes(int blockIndex) {
        return hostPageBytes.get(blockIndex);
    }

    /** {@return how many pages of 4096 bytes one host page of a block has} */
    public long pagesInHostPage(int blockIndex) {
        return hostPageBytes.get(blockIndex) / Page.SIZE_BYTES;
    }

    /** {@return how many host pages a block has} */
    public long hostPages(int blockIndex) {
        return layout.block(blockIndex).lengthBytes() / hostPageBytes.get(blockIndex);
    }

    /** {@return the size of all kinds of host pages, or-ed, and 4096} */
    public long hostPageSizes() {
        long sizes = Page.SIZE_BYTES;
        for (long bytes : hostPageBytes) {
            sizes |= bytes;
        }
        return sizes;
    }
}
