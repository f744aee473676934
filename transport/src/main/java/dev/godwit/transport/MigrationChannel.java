package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;

/**
 * A connection that carries a migration. Reads and writes block; one thread may read while another writes. Closing it
 * from any thread ends a read or write under way with an exception.
 */
public interface MigrationChannel extends ByteChannel, GatheringByteChannel, ScatteringByteChannel {

    /** What {@link #roomToSend} is asked for by whoever sends pages: as much as a packet of multifd has at most. */
    int PAGES_ROOM_BYTES = 512 << 10;

    /** {@return the other side, for people: an address, a path, a command} */
    String remote();

    /** {@return whether bytes can go both ways, so that a return path is possible} A file or a one-way pipe cannot. */
    boolean isDuplex();

    /**
     * Ends this side's input: a read under way, and every later one, finds the end; writing goes on. Does nothing where
     * only the other side can end it.
     *
     * @throws IOException if the connection is gone
     */
    void shutdownInput() throws IOException;

    /**
     * Tells the other side that no more bytes will come; reading goes on. Does nothing where only {@link #close()} can
     * say so.
     *
     * @throws IOException if the connection is gone
     */
    void shutdownOutput() throws IOException;

    /**
     * Ends the connection with a peer that is refused while it still sends: says that no more will come, and closes it
     * a moment later, in which the peer's reader finds that. A plain {@link #close()} resets the connection, for there
     * are bytes that nobody has read: the peer may then miss the last word it was told, and QEMU 7.2, whose reader and
     * writer fail at the same moment, now and then uses its connection after it has freed it, and ends with its guest.
     * What it sends meanwhile is not read on purpose: a source without return path could take it for loaded.
     *
     * @throws IOException if the peer has gone already; the connection is closed all the same
     */
    default void hangUp() throws IOException {
        close();
    }

    /**
     * Asks for room for what is written before the other side reads it, where that is on this host. A unix socket has
     * 208 KiB, and its room does not grow by itself: a writer of more at once goes to sleep half way, and each wakes
     * the other for little. That of TCP grows to several MiB, as a way to elsewhere needs; over loopback nothing is
     * ever on its way, and pages only leave the processor's caches meanwhile. Whoever may have to send something urgent
     * behind it does not ask.
     *
     * <p>The kernel gives what it allows to anybody ({@code net.core.wmem_max}), and twice that for its own books.
     * Nothing happens where the other side is elsewhere, or it is no socket.
     *
     * @param bytes positive
     * @throws IOException if the connection is gone
     */
    default void roomToSend(int bytes) throws IOException {}

    /** Reads into the buffers in order, where the connection has no call for that into the first with room only. */
    @Override
    default long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        for (int i = offset; i < offset + length; i++) {
            if (targets[i].hasRemaining()) {
                return read(targets[i]);
            }
        }
        return 0;
    }

    @Override
    default long read(ByteBuffer[] targets) throws IOException {
        return read(targets, 0, targets.length);
    }

    /** Writes from the buffers in order: by one system call where the connection has one for it. */
    @Override
    default long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        long written = 0;
        for (int i = offset; i < offset + length; i++) {
            while (sources[i].hasRemaining()) {
                written += write(sources[i]);
            }
        }
        return written;
    }

    @Override
    default long write(ByteBuffer[] sources) throws IOException {
        return write(sources, 0, sources.length);
    }
}
