package dev.godwit.fuzz;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;

/** A sink that keeps nothing and holds its caller to the port's contract: whole pages, inside their block. */
final class PageSinkOfNothing implements RamSink {

    private volatile RamLayout layout = new RamLayout(java.util.List.of());

    @Override
    public void begin(RamLayout begun) {
        layout = begun;
    }

    @Override
    public PageLane lane() {
        return new PageLane() {
            @Override
            public void pages(int blockIndex, long offsetBytes, MemorySegment content) {
                check(blockIndex, offsetBytes, content.byteSize());
            }

            @Override
            public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) {
                check(blockIndex, offsetBytes, lengthBytes);
            }

            @Override
            public void read(int blockIndex, long offsetBytes, MemorySegment target) {
                check(blockIndex, offsetBytes, target.byteSize());
                target.fill((byte) 0);
            }

            @Override
            public void flush() {}
        };
    }

    private void check(int blockIndex, long offsetBytes, long lengthBytes) {
        long blockBytes = layout.block(blockIndex).lengthBytes();
        if (offsetBytes < 0
                || lengthBytes < Page.SIZE_BYTES
                || offsetBytes % Page.SIZE_BYTES != 0
                || lengthBytes % Page.SIZE_BYTES != 0
                || offsetBytes > blockBytes - lengthBytes) {
            throw new IllegalStateException("a page outside its block got through: block " + blockIndex + " of "
                    + blockBytes + " bytes, offset " + offsetBytes + ", length " + lengthBytes);
        }
    }
}
