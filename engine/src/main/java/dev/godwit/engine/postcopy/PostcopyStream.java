package dev.godwit.engine.postcopy;

import java.io.IOException;

/**
 * What a format must do to send the rest of RAM to a guest that has gone first, over one connection: a port.
 *
 * <p>Owned by one thread, but for {@link #abort}.
 */
public interface PostcopyStream extends AutoCloseable {

    /**
     * Has the destination go on after an earlier connection was lost: hears what it has, and has that claimed. Does
     * nothing on a migration's first connection.
     *
     * @throws IOException if the connection fails; the destination can be resumed again
     */
    void resume() throws IOException;

    /**
     * Sends what is asked for, and pushes the rest. When this returns, the destination has said that all of it is
     * there.
     *
     * @throws GuestReturnedException if the destination said that it will not let the guest run, before it did
     * @throws IOException if the connection fails, the destination does, or a page cannot be read; what was not sent is
     *     still to be sent
     */
    void sendRest() throws IOException;

    /** Closes the channels, from any thread: whoever writes or listens ends with an exception. Does not block. */
    void abort();

    /** Frees what the stream holds. The channels are closed. */
    @Override
    void close() throws IOException;
}
