package dev.godwit.engine.machine;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageViews;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a machine that stands still, as the place where the pages of a migration go. The source's blocks must
 * be the machine's, by name and length; their order is free.
 *
 * <p>A page of zeros is not written where there are zeros already, and not even looked at where nobody has touched the
 * memory yet, so that it needs none. The memory must not be one that faults on userfaultfd.
 */
public final class MachineSink implements RamSink {

    private final GuestMemory memory;
    private final MemoryAhead ahead;
    private final BlankPages blank;
    private int[] blockIndexes = new int[0];

    /** A sink that writes to a machine's memory. */
    public MachineSink(GuestMemory memory) {
        this(memory, MemoryAhead.NONE);
    }

    /**
     * A sink that writes to a machine's memory.
     *
     * @param ahead makes it ready for what comes; not closed here
     */
    public MachineSink(GuestMemory memory, MemoryAhead ahead) {
        this.memory = memory;
        this.ahead = ahead;
        this.blank = new BlankPages(memory, ahead);
    }

    @Override
    public void begin(RamLayout layout) throws IOException {
        RamLayout own = memory.layout();
        int[] indexes = new int[layout.blocks().size()];
        boolean[] found = new boolean[own.blocks().size()];
        for (int i = 0; i < indexes.length; i++) {
            RamBlock block = layout.block(i);
            int index = own.indexOf(block.id());
            if (index < 0) {
                throw new IOException("RAM: expected the blocks %s, found block %s too".formatted(own, block.id()));
            }
            if (own.block(index).lengthBytes() != block.lengthBytes()) {
                throw new IOException("RAM: expected block %s of %d bytes, found one of %d"
                        .formatted(block.id(), own.block(index).lengthBytes(), block.lengthBytes()));
            }
            indexes[i] = index;
            found[index] = true;
        }
        for (int index = 0; index < found.length; index++) {
            if (!found[index]) {
                throw new IOException("RAM: expected block %s of %d bytes, found %s"
                        .formatted(own.block(index).id(), own.block(index).lengthBytes(), layout));
            }
        }
        blockIndexes = indexes;
    }

    @Override
    public PageLane lane() {
        MemorySegment[] blocks =
                Arrays.stream(blockIndexes).mapToObj(memory::block).toArray(MemorySegment[]::new);
        return new Lane(memory, blocks, blockIndexes, new ComingPages(ahead), blank);
    }

    /** The memory of each block, in the source's order. */
    private static final class Lane implements PageLane, PageLane.Places {

        private final GuestMemory memory;
        private final MemorySegment[] blocks;
        private final int[] machineIndexes;
        private final ComingPages coming;
        private final BlankPages blank;
        private @Nullable PageViews views;

        Lane(GuestMemory memory, MemorySegment[] blocks, int[] machineIndexes, ComingPages coming, BlankPages blank) {
            this.memory = memory;
            this.blocks = blocks;
            this.machineIndexes = machineIndexes;
            this.coming = coming;
            this.blank = blank;
        }

        @Override
        public void pages(int blockIndex, long offsetBytes, MemorySegment content) {
            overwritten(machineIndexes[blockIndex], offsetBytes, content.byteSize());
            MemorySegment.copy(content, 0, blocks[blockIndex], offsetBytes, content.byteSize());
        }

        private void overwritten(int own, long offsetBytes, long lengthBytes) {
            blank.written(own, offsetBytes, lengthBytes);
            coming.come(own, offsetBytes, lengthBytes);
        }

        @Override
        public Optional<Places> places() {
            return Optional.of(this);
        }

        @Override
        public ByteBuffer open(int index, int blockIndex, long offsetBytes, int lengthBytes) {
            int own = machineIndexes[blockIndex];
            overwritten(own, offsetBytes, lengthBytes);
            PageViews made = views;
            if (made == null) {
                made = new PageViews(memory, MOST);
                views = made;
            }
            return made.view(index, own, offsetBytes, lengthBytes);
        }

        @Override
        public long bytesInOneView(long offsetBytes, long lengthBytes) {
            return PageViews.bytesInOneWindow(offsetBytes, lengthBytes);
        }

        @Override
        public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) {
            MemorySegment block = blocks[blockIndex];
            int own = machineIndexes[blockIndex];
            for (long at = offsetBytes; at < offsetBytes + lengthBytes; at += Page.SIZE_BYTES) {
                if (!blank.isBlank(own, at) && !ZeroPages.isZero(block, at)) {
                    block.asSlice(at, Page.SIZE_BYTES).fill((byte) 0);
                }
            }
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) {
            MemorySegment.copy(blocks[blockIndex], offsetBytes, target, 0, target.byteSize());
        }

        @Override
        public void flush() {}
    }
}
