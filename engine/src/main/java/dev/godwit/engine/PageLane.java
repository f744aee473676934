package dev.godwit.engine;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

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

    /** Hands everything taken so far to the sink, so that later pages of other lanes come after it. */
    void flush() throws IOException;
}
