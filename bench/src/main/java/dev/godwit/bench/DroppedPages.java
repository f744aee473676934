package dev.godwit.bench;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;

/** A sink that drops everything, so that what is measured is the reading. */
final class DroppedPages implements RamSink, PageLane {

    @Override
    public void begin(RamLayout layout) {}

    @Override
    public PageLane lane() {
        return this;
    }

    @Override
    public void pages(int blockIndex, long offsetBytes, MemorySegment content) {}

    @Override
    public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) {}

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        target.fill((byte) 0);
    }

    @Override
    public void flush() {}
}
