package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.snapshot.SnapshotDifference.BlockDifference;
import dev.godwit.snapshot.SnapshotDifference.PageRange;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Compares a block of two guests page by page; what neither has is not read. */
final class BlockComparison {

    private static final long PIECE_PAGES = 256;

    private final RamSource first;
    private final int firstIndex;
    private final RamSource second;
    private final int secondIndex;
    private final int maxRanges;
    private final List<PageRange> ranges = new ArrayList<>();
    private long differingPages;
    private long rangeStart;
    private long rangeEnd = -1;

    BlockComparison(RamSource first, int firstIndex, RamSource second, int secondIndex, int maxRanges) {
        this.first = first;
        this.firstIndex = firstIndex;
        this.second = second;
        this.secondIndex = secondIndex;
        this.maxRanges = maxRanges;
    }

    BlockDifference.Content compare(Progress progress) throws IOException {
        PageBitmap here = first.present(firstIndex);
        PageBitmap there = second.present(secondIndex);
        long pages = Math.min(here.pages(), there.pages());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = arena.allocate(PIECE_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
            MemorySegment b = arena.allocate(PIECE_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
            for (long page = 0; page < pages; page += PIECE_PAGES) {
                long end = Math.min(page + PIECE_PAGES, pages);
                if (anySet(here, page, end) || anySet(there, page, end)) {
                    piece(page, end, a, b);
                }
                progress.advance((end - page) * Page.SIZE_BYTES);
            }
        }
        closeRange();
        return new BlockDifference.Content(
                first.layout().block(firstIndex).id(),
                first.layout().block(firstIndex).lengthBytes(),
                second.layout().block(secondIndex).lengthBytes(),
                differingPages,
                ranges);
    }

    private static boolean anySet(PageBitmap bitmap, long from, long end) {
        long next = bitmap.nextSet(from);
        return next >= 0 && next < end;
    }

    private void piece(long page, long end, MemorySegment a, MemorySegment b) throws IOException {
        long lengthBytes = (end - page) * Page.SIZE_BYTES;
        first.read(firstIndex, page * Page.SIZE_BYTES, a.asSlice(0, lengthBytes));
        second.read(secondIndex, page * Page.SIZE_BYTES, b.asSlice(0, lengthBytes));
        for (long at = 0; at < lengthBytes; at += Page.SIZE_BYTES) {
            if (MemorySegment.mismatch(a, at, at + Page.SIZE_BYTES, b, at, at + Page.SIZE_BYTES) >= 0) {
                differs(page + at / Page.SIZE_BYTES);
            }
        }
    }

    private void differs(long page) {
        differingPages++;
        if (page != rangeEnd) {
            closeRange();
            rangeStart = page;
        }
        rangeEnd = page + 1;
    }

    private void closeRange() {
        if (rangeEnd >= 0 && ranges.size() < maxRanges) {
            ranges.add(new PageRange(rangeStart * Page.SIZE_BYTES, (rangeEnd - rangeStart) * Page.SIZE_BYTES));
        }
        rangeEnd = -1;
    }
}
