package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The pages that have to be sent: one bitmap a block, and how many bits are set. Owned by the lap's thread. */
public final class DirtyPages {

    private final RamLayout layout;
    private final List<PageBitmap> bitmaps;
    private long pages;

    private DirtyPages(RamLayout layout) {
        this.layout = layout;
        List<PageBitmap> made = new ArrayList<>();
        for (RamBlock block : layout.blocks()) {
            made.add(new PageBitmap(block.pages()));
        }
        this.bitmaps = List.copyOf(made);
    }

    /** {@return no page at all} */
    public static DirtyPages none(RamLayout layout) {
        return new DirtyPages(layout);
    }

    /** {@return every page} */
    public static DirtyPages all(RamLayout layout) {
        DirtyPages all = new DirtyPages(layout);
        for (PageBitmap bitmap : all.bitmaps) {
            bitmap.setAll();
        }
        all.count();
        return all;
    }

    /** {@return the first page} */
    static DirtyPages firstOf(RamLayout layout) {
        DirtyPages first = new DirtyPages(layout);
        first.bitmaps.getFirst().set(0);
        first.count();
        return first;
    }

    /** {@return the blocks} */
    public RamLayout layout() {
        return layout;
    }

    /** {@return the bits of a block; changed through this object only} */
    public PageBitmap block(int blockIndex) {
        return bitmaps.get(blockIndex);
    }

    /** {@return how many pages are dirty} */
    public long pages() {
        return pages;
    }

    /** {@return how many bytes are dirty} */
    public long bytes() {
        return pages * Page.SIZE_BYTES;
    }

    /** Adds what a log has recorded. {@return how many pages it reported} */
    public long collect(DirtyLog log) throws IOException {
        long reported = log.collect(bitmaps);
        count();
        return reported;
    }

    /**
     * The same for the last time, of a guest that stands still: {@link DirtyLog#collectLast}.
     *
     * @param known need not be added
     */
    public long collectLast(DirtyLog log, DirtyPages known) throws IOException {
        long reported = log.collectLast(bitmaps, known.bitmaps);
        count();
        return reported;
    }

    /** Adds other pages. */
    public void add(DirtyPages other) {
        for (int block = 0; block < bitmaps.size(); block++) {
            bitmaps.get(block).or(other.bitmaps.get(block));
        }
        count();
    }

    /** {@return claims of all these pages, by host page} */
    PageClaims claims(List<Long> hostPageBytes) {
        return PageClaims.ofMissing(layout, hostPageBytes, bitmaps);
    }

    /** {@return the host pages in which these lie, as many as are wanted at most} */
    List<PagePlace> hostPages(List<Long> hostPageBytes, int most) {
        List<PagePlace> places = new ArrayList<>();
        for (int block = 0; block < bitmaps.size(); block++) {
            long pagesEach = hostPageBytes.get(block) / Page.SIZE_BYTES;
            long page = bitmaps.get(block).nextSet(0);
            while (page >= 0 && places.size() < most) {
                long hostPage = page / pagesEach;
                places.add(new PagePlace(block, hostPage));
                page = bitmaps.get(block).nextSet((hostPage + 1) * pagesEach);
            }
        }
        return places;
    }

    /** Takes pages away that are all dirty. */
    public void clear(int blockIndex, long firstPage, long pageCount) {
        bitmaps.get(blockIndex).clear(firstPage, pageCount);
        pages -= pageCount;
    }

    /** Takes all pages away. */
    public void clearAll() {
        for (PageBitmap bitmap : bitmaps) {
            bitmap.clear(0, bitmap.pages());
        }
        pages = 0;
    }

    private void count() {
        long set = 0;
        for (PageBitmap bitmap : bitmaps) {
            set += bitmap.setPages();
        }
        pages = set;
    }
}
