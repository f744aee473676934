package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Hears the frames of a saved domain in whatever format. Driven by one thread. */
public interface FrameListener {

    /** How many frame numbers there are, where the format says so; before the first frame. */
    void frames(long frames) throws IOException;

    /**
     * The content of a frame. A frame may come again; the last one counts, but for those that are to be compared.
     *
     * @param content 4096 bytes, good until the call returns
     */
    void content(long frame, MemorySegment content) throws IOException;

    /** A frame has memory, and the format says nothing of what is in it. */
    void allocated(long frame) throws IOException;

    /** All that was sent comes again from here on, to be compared. */
    void verify() throws IOException;
}
