package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** The frames of a domain that stands still. */
public interface FrameSource {

    /** {@return how many frame numbers there are: the highest frame, plus 1} */
    long frames();

    /** {@return whether there is memory at a frame; false in holes} */
    boolean exists(long frame);

    /** {@return whether the content of a frame that exists is told; if not, only that it has memory} */
    default boolean hasContent(long frame) {
        return true;
    }

    /**
     * Reads a frame that exists and has content.
     *
     * @param target 4096 bytes
     * @throws IOException if it cannot be read; never answered with zeros instead
     */
    void read(long frame, MemorySegment target) throws IOException;
}
