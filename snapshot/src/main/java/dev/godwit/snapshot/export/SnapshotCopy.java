package dev.godwit.snapshot.export;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.ZeroPages;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Writes a guest, wherever it comes from, as a snapshot of Godwit's own. */
public final class SnapshotCopy {

    private static final int RUN_PAGES = 256;

    private SnapshotCopy() {}

    /**
     * Writes the snapshot; pages that are zero are not kept.
     *
     * @param target replaced if it is there, when the new one is whole
     * @throws IOException if a page cannot be read or the file not be written; what was there before stays
     */
    public static void write(RamSource ram, VmState state, Path target, CreationFacts facts, Progress progress)
            throws IOException {
        progress.phase("writing the snapshot", ram.layout().totalBytes());
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT);
                Arena arena = Arena.ofConfined()) {
            writer.begin(ram.layout());
            PageLane lane = writer.lane();
            MemorySegment run = arena.allocate((long) RUN_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
            for (int block = 0; block < ram.layout().blocks().size(); block++) {
                copy(ram, block, lane, run, progress);
            }
            lane.flush();
            writer.commit(state, facts);
        }
    }

    private static void copy(RamSource ram, int block, PageLane lane, MemorySegment run, Progress progress)
            throws IOException {
        long pages = ram.layout().block(block).pages();
        PageBitmap present = ram.present(block);
        long reported = 0;
        for (long page = present.nextSet(0); page >= 0; ) {
            long clear = present.nextClear(page);
            long end = Math.min(clear < 0 ? pages : clear, page + RUN_PAGES);
            MemorySegment content = run.asSlice(0, (end - page) * Page.SIZE_BYTES);
            ram.read(block, page * Page.SIZE_BYTES, content);
            for (long at = 0; at < content.byteSize(); at += Page.SIZE_BYTES) {
                if (!ZeroPages.isZero(content, at)) {
                    lane.pages(block, page * Page.SIZE_BYTES + at, content.asSlice(at, Page.SIZE_BYTES));
                }
            }
            progress.advance((end - reported) * Page.SIZE_BYTES);
            reported = end;
            page = end < pages ? present.nextSet(end) : -1;
        }
        progress.advance((pages - reported) * Page.SIZE_BYTES);
    }
}
