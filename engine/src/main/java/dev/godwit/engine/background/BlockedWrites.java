package dev.godwit.engine.background;

import dev.godwit.engine.background.SnapshotOrder.Run;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Who waits to write, and for how long each has waited. The kernel does not say when a wait began: taken is the
 * earliest moment at which it can have, that is when the events were read before, or when the thread's own last wait
 * ended. Thread-safe.
 */
final class BlockedWrites {

    /** Up to 2^30 µs, a quarter of an hour. */
    private static final int BUCKETS = 31;

    private record Waiting(int blockIndex, long page, int threadId, long sinceNs) {}

    private static final class OfThread {
        private long lastEndNs = Long.MIN_VALUE;
        private long totalNs;
    }

    private final List<PageBitmap> free = new ArrayList<>();
    private final List<Waiting> waiting = new ArrayList<>();
    private final Map<Integer, OfThread> threads = new HashMap<>();
    private final long[] histogram = new long[BUCKETS];
    private long faults;
    private long totalNs;
    private long longestNs;

    BlockedWrites(RamLayout layout) {
        layout.blocks().forEach(block -> free.add(new PageBitmap(block.pages())));
    }

    /** A thread waits for a page, or has waited for one that was let go meanwhile; at the earliest since a moment. */
    synchronized void begins(int blockIndex, long page, int threadId, long earliestNs) {
        for (Waiting one : waiting) {
            if (one.threadId == threadId) {
                return; // it was interrupted by a signal, and waits again
            }
        }
        Waiting begun = new Waiting(blockIndex, page, threadId, Math.max(earliestNs, ofThread(threadId).lastEndNs));
        if (free.get(blockIndex).get(page)) {
            ended(begun, System.nanoTime());
        } else {
            waiting.add(begun);
        }
    }

    private OfThread ofThread(int threadId) {
        return threads.computeIfAbsent(threadId, _ -> new OfThread());
    }

    /** Pages have been let go, and with them whoever waited for them. */
    synchronized void letGo(Run run, long nowNs) {
        free.get(run.blockIndex()).set(run.firstPage(), run.pages());
        for (Iterator<Waiting> each = waiting.iterator(); each.hasNext(); ) {
            Waiting one = each.next();
            if (one.blockIndex == run.blockIndex()
                    && one.page >= run.firstPage()
                    && one.page < run.firstPage() + run.pages()) {
                each.remove();
                ended(one, nowNs);
            }
        }
    }

    /** All pages have been let go. */
    synchronized void allLetGo(long nowNs) {
        waiting.forEach(one -> ended(one, nowNs));
        waiting.clear();
    }

    private void ended(Waiting one, long nowNs) {
        long ns = Math.max(0, nowNs - one.sinceNs);
        OfThread thread = ofThread(one.threadId);
        thread.lastEndNs = nowNs;
        thread.totalNs += ns;
        faults++;
        totalNs += ns;
        longestNs = Math.max(longestNs, ns);
        histogram[Math.min(BUCKETS - 1, 64 - Long.numberOfLeadingZeros(ns / 1000))]++;
    }

    /** {@return the figures so far} */
    synchronized WriteFaultReport report() {
        long longestThreadNs =
                threads.values().stream().mapToLong(one -> one.totalNs).max().orElse(0);
        int buckets = BUCKETS;
        while (buckets > 0 && histogram[buckets - 1] == 0) {
            buckets--;
        }
        return new WriteFaultReport(
                faults,
                threads.size(),
                totalNs,
                longestNs,
                longestThreadNs,
                Arrays.stream(histogram, 0, buckets).boxed().toList());
    }
}
