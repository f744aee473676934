package dev.godwit.engine.background;

import dev.godwit.engine.background.SnapshotOrder.Run;
import dev.godwit.engine.background.SnapshotOutput.PageWriter;
import dev.godwit.engine.background.WriteTracking.WaitingWrites;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers writes that wait. Until the instant of the snapshot it lets them go at once, and notes the pages, so that
 * they can be protected again while the guest stands still: the pause then does not grow with the RAM. From then on it
 * writes their pages ahead of all others, and lets them go when they have left.
 */
final class WriteServer implements WaitingWrites {

    /** How much is written at once for a page that is waited for: what follows it will mostly be waited for next. */
    private static final int RUN_PAGES = 8;

    private final WriteTracking tracking;
    private final SnapshotOrder order;
    private final BlockedWrites blocked;
    private final PageWriter writer;
    private final List<PageBitmap> early = new ArrayList<>();
    private boolean holds;
    private volatile long lastWaitNs = Long.MIN_VALUE;

    WriteServer(
            RamLayout layout, WriteTracking tracking, SnapshotOrder order, BlockedWrites blocked, PageWriter writer) {
        this.tracking = tracking;
        this.order = order;
        this.blocked = blocked;
        this.writer = writer;
        for (RamBlock block : layout.blocks()) {
            early.add(new PageBitmap(block.pages()));
        }
    }

    @Override
    public void waits(int blockIndex, long page, int threadId, long sinceNs) throws IOException {
        if (isEarly(blockIndex, page)) {
            return;
        }
        lastWaitNs = System.nanoTime();
        blocked.begins(blockIndex, page, threadId, sinceNs);
        Run run = order.from(blockIndex, page, RUN_PAGES);
        if (run != null) {
            write(run, writer);
        }
    }

    private synchronized boolean isEarly(int blockIndex, long page) throws IOException {
        if (holds) {
            return false;
        }
        int unit = tracking.unitPages(blockIndex);
        long first = page - page % unit;
        early.get(blockIndex).set(first, unit);
        tracking.letGo(blockIndex, first, unit);
        return true;
    }

    /** Protects what was let go. The guest stands still: from now on every write waits for its page. */
    synchronized void hold() throws IOException {
        for (int block = 0; block < early.size(); block++) {
            PageBitmap pages = early.get(block);
            for (long first = pages.nextSet(0); first >= 0; ) {
                long clear = pages.nextClear(first);
                long end = clear < 0 ? pages.pages() : clear;
                tracking.protect(block, first, end - first);
                first = pages.nextSet(end);
            }
        }
        holds = true;
    }

    /** Writes pages, and lets them go. */
    void write(Run run, PageWriter by) throws IOException {
        by.write(run.blockIndex(), run.firstPage(), run.pages());
        if (tracking.isTracked(run.blockIndex())) {
            tracking.letGo(run.blockIndex(), run.firstPage(), run.pages());
            blocked.letGo(run, System.nanoTime());
        }
    }

    /** {@return whether somebody has waited within so many nanoseconds} */
    boolean isWaitedFor(long nowNs, long withinNs) {
        long last = lastWaitNs;
        return last != Long.MIN_VALUE && nowNs - last < withinNs;
    }
}
