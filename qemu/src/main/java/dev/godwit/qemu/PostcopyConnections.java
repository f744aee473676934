package dev.godwit.qemu;

import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** The connections by which the source of a postcopy is reached: a port. */
public interface PostcopyConnections {

    /**
     * A main connection.
     *
     * @param forward from the source
     * @param back to the source
     */
    record Link(ReadableByteChannel forward, WritableByteChannel back) {}

    /**
     * Waits for the second connection that goes with the main one there is now ({@code postcopy-preempt}).
     *
     * @throws IOException if it does not come
     */
    ReadableByteChannel second() throws IOException;

    /**
     * Waits for the source to come back, with a new main connection.
     *
     * @throws IOException if nobody waits for it any more
     */
    Link next() throws IOException;

    /** Closes the connections that there are, from any thread; {@link #next} still waits for others. */
    void breakOff();

    /** Ends the waiting in {@link #next}, now and later, from any thread. */
    void giveUp();
}
