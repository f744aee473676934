package dev.godwit.engine;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The pages that one channel brings to a {@link RamSink}. Owned by one thread. Offsets are in bytes inside the block,
 * multiples of a page; the caller has checked that they lie in the block.
 */
public interface PageLane {

    /**
     * Takes consecutive pages; the content is copied or written before the call returns.
     *
     * @param blockIndex the block's index in the layout
     * @param offsetBytes where the first page lies in the block
     * @param content whole pages
     * @throws IOException if they cannot be kept; the sink is of no more use
     */
    void pages(int blockIndex, long offsetBytes, MemorySegment content) throws IOException;

    /**
     * Makes consecutive pages read as zero.
     *
     * @param lengthBytes a multiple of a page
     */
    void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) throws IOException;

    /**
     * Reads a page as it stands, this lane's own earlier pages included (XBZRLE's base).
     *
     * @param target one page long
     */
    void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException;

    /** {@return a way to bring pages without a copy; empty where what is kept of them is not memory} */
    default Optional<Places> places() {
        return Optional.empty();
    }

    /** The memory that a lane's pages are kept in. Owned by the lane's thread. */
    interface Places {

        /** How many views there may be at the same time. */
        int MOST = 128;

        /**
         * Gives consecutive pages out to be overwritten, in place of {@link PageLane#pages}: what they hold until then
         * does not count any more.
         *
         * @param index of the view, below {@link #MOST}
         * @param lengthBytes at most as many as {@link #bytesInOneView} allows
         * @return a view of their memory, until the next call with this index
         */
        ByteBuffer open(int index, int blockIndex, long offsetBytes, int lengthBytes);

        /** {@return how many of these bytes one view can show; at least a page} */
        long bytesInOneView(long offsetBytes, long lengthBytes);
    }

    /**
     * Nothing more may come for a while: pages that others may wait for have to be where they belong. A sink that
     * nobody waits for goes on holding what it likes.
     *
     * @throws IOException if they cannot be kept; the sink is of no more use
     */
    default void pause() throws IOException {}

    /** Hands everything taken so far to the sink, so that later pages of other lanes come after it. */
    void flush() throws IOException;
}
