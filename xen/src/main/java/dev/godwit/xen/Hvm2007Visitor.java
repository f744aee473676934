package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Hears a stream of the saver of April 2007 in order: maxPfn, batches with their pages, vCPUs, the context, and, where
 * xend kept the stream, the device model. A {@link Hvm2007Writer} is one.
 */
public interface Hvm2007Visitor {

    /** The bits of an entry that say that a frame has no content here. */
    long NO_CONTENT = 0xF000_0000L;

    /** The highest frame number, first of all. */
    void maxPfn(long maxPfn) throws IOException;

    /**
     * A batch; the content of each entry without {@link #NO_CONTENT} bits follows in order.
     *
     * @param entries 1 to 1024 frame numbers; not to be changed or kept
     */
    void batch(long[] entries) throws IOException;

    /**
     * The content of a frame. A frame may come again; the last one counts.
     *
     * @param content 4096 bytes, good until the call returns
     */
    void page(long frame, MemorySegment content) throws IOException;

    /** All that was sent comes again from here on, to be compared. */
    void verify() throws IOException;

    /** There are no more batches; so many vCPUs follow. */
    void vcpus(int count) throws IOException;

    /** The context of the next vCPU, {@link WordSize#vcpuContextBytes} long. */
    void vcpu(MemorySegment context) throws IOException;

    /** The hypervisor's state of the domain; the end but for the device model. */
    void hvmContext(MemorySegment context) throws IOException;

    /** What the device model itself has saved, to the end of the input; not to be written to. */
    default void deviceModel(MemorySegment content) throws IOException {}
}
