package dev.godwit.qemu.multifd;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.ScatteringByteChannel;

/**
 * Reads a multifd channel packet by packet. A payload is laid out so that it ends where the header's place begins: one
 * read brings the rest of a payload and, where it is there already, the header that follows, and no byte is moved.
 *
 * <pre>
 *   0                    area - payload      area               area + 1344
 *   |       unused       |      payload      | the next header |
 * </pre>
 *
 * <p>A payload may also be read to where its pages belong, the header that follows behind them to its place here.
 *
 * <p>Owned by one thread.
 */
final class PacketInput {

    private final ReadableByteChannel in;
    private final String section;
    private final int areaBytes;
    private final MemorySegment memory;
    private final ByteBuffer buffer;
    private long positionBytes;
    private int headerBytes;

    /**
     * An input behind the init packet.
     *
     * @param section what errors call the channel
     * @param maxPayloadBytes no payload is longer; a multiple of a page, so that payloads of whole pages are aligned
     */
    PacketInput(ReadableByteChannel in, String section, int maxPayloadBytes, Arena arena) {
        this.in = in;
        this.section = section;
        this.areaBytes = maxPayloadBytes;
        this.memory = arena.allocate((long) maxPayloadBytes + MultifdPacket.LENGTH_BYTES, Page.SIZE_BYTES);
        this.buffer = memory.asByteBuffer();
        this.positionBytes = MultifdInit.LENGTH_BYTES;
    }

    /** {@return where the next byte to be handed out stands in the channel} */
    long positionBytes() {
        return positionBytes;
    }

    /**
     * Waits for the next header; false where the channel ends before it. What kind of packet it is, and so whether it
     * is as long as others, is looked at as soon as that much has come.
     */
    boolean awaitHeader() throws IOException {
        awaitHeaderBytes(MultifdPacket.PREFIX_BYTES);
        if (headerBytes == 0) {
            return false;
        }
        MultifdPacket.checkPrefix(buffer.slice(areaBytes, MultifdPacket.PREFIX_BYTES), positionBytes);
        awaitHeaderBytes(MultifdPacket.LENGTH_BYTES);
        return true;
    }

    private void awaitHeaderBytes(int wantedBytes) throws IOException {
        while (headerBytes < wantedBytes) {
            int read =
                    in.read(buffer.limit(areaBytes + MultifdPacket.LENGTH_BYTES).position(areaBytes + headerBytes));
            if (read < 0) {
                if (headerBytes == 0) {
                    return;
                }
                throw cut(headerBytes, wantedBytes - headerBytes);
            }
            headerBytes += read;
        }
    }

    /** {@return the header that was awaited} Steps over it. */
    MultifdPacket header() throws StreamFormatException {
        MultifdPacket packet = MultifdPacket.read(buffer.slice(areaBytes, MultifdPacket.LENGTH_BYTES), positionBytes);
        headerBytes = 0;
        positionBytes += MultifdPacket.LENGTH_BYTES;
        return packet;
    }

    /** Reads a payload and steps over it; {@return its bytes, which last until the next call} */
    MemorySegment payload(int lengthBytes) throws IOException {
        int start = areaBytes - lengthBytes;
        buffer.limit(areaBytes + MultifdPacket.LENGTH_BYTES).position(start);
        while (buffer.position() < areaBytes) {
            if (in.read(buffer) < 0) {
                throw cut(buffer.position() - start, areaBytes - buffer.position());
            }
        }
        headerBytes = buffer.position() - areaBytes;
        positionBytes += lengthBytes;
        return memory.asSlice(start, lengthBytes);
    }

    /** {@return whether payloads can be read by {@link #scatter}} */
    boolean scatters() {
        return in instanceof ScatteringByteChannel;
    }

    /**
     * Reads a payload into buffers of the caller, and steps over it.
     *
     * @param targets where it goes, in order; the place behind them is used too
     * @param count of the targets
     * @param lengthBytes of all of them
     */
    void scatter(ByteBuffer[] targets, int count, int lengthBytes) throws IOException {
        ScatteringByteChannel channel = (ScatteringByteChannel) in;
        targets[count] = buffer.limit(areaBytes + MultifdPacket.LENGTH_BYTES).position(areaBytes);
        long leftBytes = lengthBytes;
        int first = 0;
        while (leftBytes > 0) {
            long read = channel.read(targets, first, count + 1 - first);
            if (read < 0) {
                throw cut((int) (lengthBytes - leftBytes), (int) leftBytes);
            }
            leftBytes -= read;
            while (first < count && !targets[first].hasRemaining()) {
                first++;
            }
        }
        headerBytes = buffer.position() - areaBytes;
        positionBytes += lengthBytes;
    }

    private StreamFormatException cut(int readBytes, int missingBytes) {
        return new StreamFormatException(
                positionBytes + readBytes, section, missingBytes + " more bytes", "the channel's end");
    }
}
