package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.List;

/** A multifd channel: anything but an IOException, a wait without end included, is a finding. */
class MultifdFuzzTest {

    private static final RamLayout LAYOUT = new RamLayout(List.of(new RamBlock("pc.ram", 1 << 20)));

    @FuzzTest
    void a_channel(byte[] bytes) throws IOException {
        for (MultifdMethod method : MultifdMethod.values()) {
            receive(method, bytes);
        }
    }

    private static void receive(MultifdMethod method, byte[] bytes) throws IOException {
        try (MultifdReceiver receiver = new MultifdReceiver(1, method, new CheckingSink(), () -> {})) {
            receiver.accept(Channels.newChannel(new ByteArrayInputStream(bytes)), ByteBuffer.allocate(0));
            try {
                receiver.begin(LAYOUT);
                while (true) {
                    receiver.sync();
                }
            } catch (IOException e) {
                if (e.getCause() instanceof RuntimeException finding) {
                    throw finding;
                }
            }
        }
    }

    /** Takes pages and holds its caller to what it promises. */
    private static final class CheckingSink implements RamSink {
        @Override
        public void begin(RamLayout layout) {}

        @Override
        public PageLane lane() {
            return new PageLane() {
                @Override
                public void pages(int block, long offset, MemorySegment content) {
                    check(block, offset, content.byteSize());
                }

                @Override
                public void zeroPages(int block, long offset, long length) {
                    check(block, offset, length);
                }

                @Override
                public void read(int block, long offset, MemorySegment target) {
                    check(block, offset, Page.SIZE_BYTES);
                }

                @Override
                public void flush() {}
            };
        }

        private static void check(int block, long offset, long length) {
            if (block != 0
                    || offset < 0
                    || length < Page.SIZE_BYTES
                    || offset % Page.SIZE_BYTES != 0
                    || length % Page.SIZE_BYTES != 0
                    || offset + length > LAYOUT.block(0).lengthBytes()) {
                throw new IllegalStateException("outside the block: offset=" + offset + ", length=" + length);
            }
        }
    }
}
