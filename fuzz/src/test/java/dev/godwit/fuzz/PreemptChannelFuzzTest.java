package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.PreemptReader;
import dev.godwit.qemu.RamBlockList;
import dev.godwit.qemu.RamVisitor;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A postcopy-preempt channel: anything but an IOException, a page outside its block included, is a finding. */
class PreemptChannelFuzzTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("pc.ram", 1 << 20), new RamBlock("vga", 1 << 14)));

    @FuzzTest
    void a_channel(byte[] bytes) {
        try {
            PreemptReader.read(ByteInput.of(bytes), LAYOUT, new Bounds());
        } catch (IOException _) {
            // refused, as it may be
        }
    }

    private static final class Bounds implements RamVisitor {

        private void check(int blockIndex, long offsetBytes) {
            if (offsetBytes < 0
                    || offsetBytes % Page.SIZE_BYTES != 0
                    || offsetBytes >= LAYOUT.block(blockIndex).lengthBytes()) {
                throw new IllegalStateException("a page outside its block got through: " + offsetBytes);
            }
        }

        @Override
        public void blockList(RamBlockList list) {
            throw new IllegalStateException("a block list on a channel that has none");
        }

        @Override
        public void zeroPage(int blockIndex, long offsetBytes, boolean continued) {
            check(blockIndex, offsetBytes);
        }

        @Override
        public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) {
            check(blockIndex, offsetBytes);
        }

        @Override
        public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta) {
            check(blockIndex, offsetBytes);
        }

        @Override
        public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib) {
            check(blockIndex, offsetBytes);
        }

        @Override
        public void hook(long offsetBytes) {}

        @Override
        public void multifdFlush() {}

        @Override
        public void endOfRecords() {}
    }
}
