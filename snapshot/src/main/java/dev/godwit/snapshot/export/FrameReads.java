package dev.godwit.snapshot.export;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.xen.FrameMap;
import dev.godwit.xen.FrameSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The frames of a guest whose RAM stands still; read in runs, since they are asked for in order. */
final class FrameReads implements FrameSource, AutoCloseable {

    private static final int RUN_PAGES = 256;

    /** Which frames there are, and of which of them the content is told. */
    interface Presence {
        boolean exists(long frame);

        boolean hasContent(long frame);
    }

    private final RamSource ram;
    private final FrameMap map;
    private final long frames;
    private final Presence presence;
    private final Progress progress;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment run = arena.allocate((long) RUN_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
    private long runStart;
    private long runPages;

    FrameReads(RamSource ram, FrameMap map, long frames, Presence presence, Progress progress) {
        this.ram = ram;
        this.map = map;
        this.frames = frames;
        this.presence = presence;
        this.progress = progress;
    }

    @Override
    public long frames() {
        return frames;
    }

    @Override
    public boolean exists(long frame) {
        return presence.exists(frame);
    }

    @Override
    public boolean hasContent(long frame) {
        return presence.hasContent(frame);
    }

    @Override
    public void read(long frame, MemorySegment target) throws IOException {
        if (frame < runStart || frame >= runStart + runPages) {
            fill(frame);
        }
        MemorySegment.copy(run, (frame - runStart) * Page.SIZE_BYTES, target, 0, Page.SIZE_BYTES);
        progress.advance(Page.SIZE_BYTES);
    }

    /** As many frames as lie one behind the other in the block too. */
    private void fill(long frame) throws IOException {
        int block = map.block(frame);
        long page = map.page(frame);
        long pages = 1;
        while (pages < RUN_PAGES && map.frame(block, page + pages) == frame + pages) {
            pages++;
        }
        runPages = 0;
        ram.read(block, page * Page.SIZE_BYTES, run.asSlice(0, pages * Page.SIZE_BYTES));
        runStart = frame;
        runPages = pages;
    }

    @Override
    public void close() {
        arena.close();
    }
}
