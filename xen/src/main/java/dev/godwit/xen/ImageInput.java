package dev.godwit.xen;

import dev.godwit.engine.StreamFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.IllegalBlockingModeException;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;

/**
 * The bytes of a saved domain in order, with the position and the name of what is being read for refusals. Reads ahead
 * of what it hands out. Owned by one thread; the channel stays the caller's.
 */
public final class ImageInput {

    private static final int BUFFER_BYTES = 1 << 16;

    private final ReadableByteChannel channel;
    private final ByteBuffer buffer =
            ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    private final long startBytes;
    private long readBytes;
    private String section = "the start";
    private long sectionPositionBytes;

    /**
     * The bytes of a channel.
     *
     * @param channel a blocking one, at the first byte
     */
    public ImageInput(ReadableByteChannel channel) {
        this(channel, 0);
    }

    /**
     * The bytes of a channel whose first one has a position of its own: an image inside a file.
     *
     * @param channel a blocking one
     * @param startBytes the position of its first byte
     */
    public ImageInput(ReadableByteChannel channel, long startBytes) {
        this.channel = channel;
        this.startBytes = startBytes;
    }

    /** {@return the position of the next byte} */
    public long positionBytes() {
        return startBytes + readBytes - buffer.remaining();
    }

    /** What follows is, in the words of the format, {@code name}: a refusal will say so. */
    void section(String name) {
        section = name;
        sectionPositionBytes = positionBytes();
    }

    /** {@return a refusal of the present section, at its start} */
    StreamFormatException refusal(String expected, String found) {
        return new StreamFormatException(sectionPositionBytes, section, expected, found);
    }

    /** {@return whether the next bytes are these} They stay where they are. */
    boolean isNext(byte[] bytes) throws IOException {
        return Arrays.equals(bytes, peek(bytes.length));
    }

    /** {@return the next bytes, fewer at the end of the input} They stay where they are. */
    byte[] peek(int lengthBytes) throws IOException {
        while (buffer.remaining() < lengthBytes && fill()) {
            // Until there are enough or there is no more.
        }
        byte[] next = new byte[Math.min(lengthBytes, buffer.remaining())];
        buffer.get(buffer.position(), next);
        return next;
    }

    /** {@return whether nothing is left} */
    boolean isAtEnd() throws IOException {
        return !buffer.hasRemaining() && !fill();
    }

    int u16() throws IOException {
        want(2);
        return Short.toUnsignedInt(buffer.getShort());
    }

    int i32() throws IOException {
        want(4);
        return buffer.getInt();
    }

    long u32() throws IOException {
        return Integer.toUnsignedLong(i32());
    }

    long u64() throws IOException {
        want(8);
        return buffer.getLong();
    }

    void read(MemorySegment target) throws IOException {
        long done = 0;
        while (done < target.byteSize()) {
            want(1);
            int part = (int) Math.min(buffer.remaining(), target.byteSize() - done);
            MemorySegment.copy(
                    MemorySegment.ofArray(buffer.array()),
                    buffer.arrayOffset() + buffer.position(),
                    target,
                    done,
                    part);
            buffer.position(buffer.position() + part);
            done += part;
        }
    }

    /** {@return the next bytes} Memory is had as they arrive, not as they are announced. */
    byte[] bytes(long lengthBytes) throws IOException {
        byte[] read = new byte[(int) Math.min(lengthBytes, BUFFER_BYTES)];
        int done = 0;
        while (done < lengthBytes) {
            if (done == read.length) {
                read = Arrays.copyOf(read, (int) Math.min(lengthBytes, 2L * read.length));
            }
            want(1);
            int part = Math.min(buffer.remaining(), read.length - done);
            buffer.get(read, done, part);
            done += part;
        }
        return read;
    }

    /** {@return all that is left, or as many bytes of it as are said} */
    byte[] rest(int mostBytes) throws IOException {
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        while (rest.size() < mostBytes && !isAtEnd()) {
            int part = Math.min(buffer.remaining(), mostBytes - rest.size());
            rest.write(buffer.array(), buffer.arrayOffset() + buffer.position(), part);
            buffer.position(buffer.position() + part);
        }
        return rest.toByteArray();
    }

    private void want(int lengthBytes) throws IOException {
        while (buffer.remaining() < lengthBytes) {
            if (!fill()) {
                throw new StreamFormatException(
                        positionBytes(), section, lengthBytes + " more bytes", "the end after " + buffer.remaining());
            }
        }
    }

    private boolean fill() throws IOException {
        buffer.compact();
        try {
            int got = channel.read(buffer);
            if (got == 0) {
                throw new IllegalBlockingModeException();
            }
            readBytes += Math.max(got, 0);
            return got > 0;
        } finally {
            buffer.flip();
        }
    }
}
