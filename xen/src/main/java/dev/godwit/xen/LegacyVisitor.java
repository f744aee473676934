package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Hears a legacy stream (Xen of April 2007 to 4.5) in order. A {@link LegacyWriter} is one.
 *
 * <pre>
 * p2mSize (batch page* | chunk)* end [deviceModel]
 * </pre>
 */
public interface LegacyVisitor {

    /** How many frame numbers there are, first of all. */
    void p2mSize(long frames) throws IOException;

    /**
     * A batch; the content of each entry that {@linkplain LegacyEntry#hasContent has any} follows in order.
     *
     * @param entries 1 to 1024; see {@link LegacyEntry}; not to be changed or kept
     */
    void batch(long[] entries) throws IOException;

    /**
     * The content of a frame. A frame may come again; the last one counts.
     *
     * @param content 4096 bytes, good until the call returns
     */
    void page(long entry, MemorySegment content) throws IOException;

    /**
     * Something about the domain.
     *
     * @param payload what follows the number, as it is; not to be written to
     */
    void chunk(LegacyChunk chunk, MemorySegment payload) throws IOException;

    /**
     * There are no more pages.
     *
     * @param specials frames that the destination makes anew
     * @param hvmContext the hypervisor's state; not to be written to
     */
    void end(SpecialFrames specials, MemorySegment hvmContext) throws IOException;

    /** What the device model itself has saved; not to be written to. */
    void deviceModel(MemorySegment content) throws IOException;
}
