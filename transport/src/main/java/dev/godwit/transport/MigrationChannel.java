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
