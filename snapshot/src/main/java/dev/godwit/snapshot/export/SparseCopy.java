package dev.godwit.snapshot.export;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Copies ranges of blocks into a file and leaves holes where pages are zero. Owned by one thread. */
final class SparseCopy implements AutoCloseable {

    private static final int RUN_PAGES = 256;

    private final RamSource source;
    private final ExportFile target;
    private final Progress progress;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment run = arena.allocate((long) RUN_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);

    SparseCopy(RamSource source, ExportFile target, Progress progress) {
        this.source = source;
        this.target = target;
        this.progress = progress;
    }

    /**
     * Copies a range.
     *
     * @param offsetBytes where it starts in the block, a multiple of a page
     * @param lengthBytes a multiple of a page
     * @param positionBytes where it goes in the file
     */
    void copy(int blockIndex, long offsetBytes, long lengthBytes, long positionBytes) throws IOException {
        PageBitmap present = source.present(blockIndex);
        long firstPage = offsetBytes / Page.SIZE_BYTES;
        long endPage = firstPage + lengthBytes / Page.SIZE_BYTES;
        long reported = firstPage;
        for (long page = present.nextSet(firstPage); page >= 0 && page < endPage; ) {
            long clear = present.nextClear(page);
            long end = Math.min(Math.min(clear < 0 ? endPage : clear, endPage), page + RUN_PAGES);
            long at = positionBytes + (page - firstPage) * Page.SIZE_BYTES;
            copyRun(blockIndex, page, (int) (end - page), at);
            progress.advance((end - reported) * Page.SIZE_BYTES);
            reported = end;
            page = end < endPage ? present.nextSet(end) : -1;
        }
        progress.advance((endPage - reported) * Page.SIZE_BYTES);
    }

    private void copyRun(int blockIndex, long firstPage, int pages, long positionBytes) throws IOException {
        MemorySegment content = run.asSlice(0, (long) pages * Page.SIZE_BYTES);
        source.read(blockIndex, firstPage * Page.SIZE_BYTES, content);
        int start = 0;
        while (start < pages) {
            if (isZero(start)) {
                start++;
                continue;
            }
            int end = start + 1;
            while (end < pages && !isZero(end)) {
                end++;
            }
            long inRun = (long) start * Page.SIZE_BYTES;
            target.write(positionBytes + inRun, run.asSlice(inRun, (long) (end - start) * Page.SIZE_BYTES));
            start = end;
        }
    }

    private boolean isZero(int page) {
        return ZeroPages.isZero(run, (long) page * Page.SIZE_BYTES);
    }

    @Override
    public void close() {
        arena.close();
    }
}
