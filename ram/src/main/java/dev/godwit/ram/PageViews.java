package dev.godwit.ram;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Views of guest memory for gathering writes and scattering reads, made once and moved from packet to packet, so that a
 * page allocates nothing. A byte buffer reaches 2 GiB at most: a block is looked at through windows. Owned by one
 * thread.
 */
public final class PageViews {

    private static final long WINDOW_BYTES = 1L << 30;

    private final GuestMemory memory;
    private final ByteBuffer[] views;
    private final int[] blockOf;
    private final long[] windowOf;

    /**
     * Views of a machine's memory.
     *
     * @param most how many at the same time
     */
    public PageViews(GuestMemory memory, int most) {
        this.memory = memory;
        this.views = new ByteBuffer[most];
        this.blockOf = new int[most];
        this.windowOf = new long[most];
        Arrays.fill(views, ByteBuffer.allocate(0));
        Arrays.fill(blockOf, -1);
    }

    /** {@return how many of these bytes one view can show} */
    public static long bytesInOneWindow(long offsetBytes, long lengthBytes) {
        return Math.min(lengthBytes, WINDOW_BYTES - offsetBytes % WINDOW_BYTES);
    }

    /**
     * {@return a view of memory, good until the next call with this index}
     *
     * @param lengthBytes in one window
     */
    public ByteBuffer view(int index, int blockIndex, long offsetBytes, int lengthBytes) {
        long window = offsetBytes / WINDOW_BYTES;
        if (blockOf[index] != blockIndex || windowOf[index] != window) {
            MemorySegment block = memory.block(blockIndex);
            long start = window * WINDOW_BYTES;
            views[index] = block.asSlice(start, Math.min(WINDOW_BYTES, block.byteSize() - start))
                    .asByteBuffer();
            blockOf[index] = blockIndex;
            windowOf[index] = window;
        }
        int position = (int) (offsetBytes % WINDOW_BYTES);
        return views[index].limit(position + lengthBytes).position(position);
    }
}
