package dev.godwit.qemu.mappedram;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A file as this room sees it: bytes that can be read anywhere. Reads may come from several threads. */
public interface PositionedInput {

    /** {@return where the file ends} */
    long lengthBytes();

    /**
     * Reads until the target is full or the file ends.
     *
     * @param positionBytes from the start of the file
     * @return how many bytes were read; fewer than the target's size only at the end of the file
     */
    long read(long positionBytes, MemorySegment target) throws IOException;
}
