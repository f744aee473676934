package dev.godwit.qemu;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Hears the records of a RAM section or of a bare RAM channel, in stream order (qemu-migration specification section
 * 2.1). Offsets are in bytes inside the block, multiples of a page, and checked to lie in it. Segments are lent for the
 * call.
 *
 * <p>{@code continued} says that the record named no block, because it is the same as that of the record before.
 */
public interface RamVisitor {

    /** The blocks of the machine; the first record of the START section. */
    void blockList(RamBlockList list) throws IOException;

    /** A page that is all zero. */
    void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException;

    /** A page with its bytes. */
    void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) throws IOException;

    /**
     * A page as a delta to its last copy.
     *
     * @param delta XBZRLE runs, at most a page long; empty where nothing changed
     */
    void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta) throws IOException;

    /**
     * A page as a zlib stream of its own (QEMU up to 9.0).
     *
     * @param zlib as it came, not inflated yet
     */
    void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib) throws IOException;

    /** A record that only RDMA acts on; others ignore it. */
    void hook(long offsetBytes) throws IOException;

    /** The multifd channels have to be in step here. */
    void multifdFlush() throws IOException;

    /** The end of these records (EOS). */
    void endOfRecords() throws IOException;
}
