package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/**
 * Where the bytes of a saved domain go: a buffer before a channel. After an error the channel holds a part of what was
 * written. Owned by one thread; the channel stays the caller's.
 */
public final class ImageOutput {

    private final WritableByteChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    private long flushedBytes;

    /**
     * An output in front of a channel.
     *
     * @param channel a blocking one
     */
    public ImageOutput(WritableByteChannel channel) {
        this.channel = channel;
    }

    /** {@return how many bytes have been written, those still in the buffer included} */
    public long positionBytes() {
        return flushedBytes + buffer.position();
    }

    /**
     * Hands everything to the channel.
     *
     * @throws IOException if the channel fails
     */
    public void flush() throws IOException {
        buffer.flip();
        while (buffer.hasRemaining()) {
            flushedBytes += channel.write(buffer);
        }
        buffer.clear();
    }

    void u16(int value) throws IOException {
        room(2).putShort((short) value);
    }

    void u32(long value) throws IOException {
        room(4).putInt((int) value);
    }

    void u64(long value) throws IOException {
        room(8).putLong(value);
    }

    void bytes(byte[] bytes) throws IOException {
        bytes(MemorySegment.ofArray(bytes));
    }

    void bytes(MemorySegment bytes) throws IOException {
        long done = 0;
        while (done < bytes.byteSize()) {
            room(1);
            int part = (int) Math.min(buffer.remaining(), bytes.byteSize() - done);
            MemorySegment.copy(
                    bytes, done, MemorySegment.ofArray(buffer.array()), buffer.arrayOffset() + buffer.position(), part);
            buffer.position(buffer.position() + part);
            done += part;
        }
    }

    private ByteBuffer room(int lengthBytes) throws IOException {
        if (buffer.remaining() < lengthBytes) {
            flush();
        }
        return buffer;
    }
}
