package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Memory into which a domain is restored. Driven by one thread. */
public interface FrameTarget {

    /**
     * Makes room for all frames that are no hole; they are zero.
     *
     * @throws IOException if there is none
     */
    void begin(FrameSpace space) throws IOException;

    /** Keeps the content of a frame, 4096 bytes, which are copied. */
    void write(long frame, MemorySegment content) throws IOException;

    /** Reads a frame into 4096 bytes. */
    void read(long frame, MemorySegment target) throws IOException;
}
