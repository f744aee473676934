package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads a migration stream from a channel through one buffer: big-endian values, counted strings, and runs of bytes
 * lent from the buffer without a copy. Knows the position, so that errors can say where.
 *
 * <p>Owned by one thread. The channel is in blocking mode and is not closed here. An end of the channel inside a value
 * is a {@link StreamFormatException}; after any exception the input is of no more use.
 */
public final class ByteInput {

    /** The length of the buffer once it has been full, and the longest run that {@link #take} lends. */
    public static final int BUFFER_BYTES = 1 << 20;

    /** The length of the buffer at first: many an input is short, and the JVM fills a new buffer with zeros. */
    private static final int FIRST_BYTES = 32 << 10;

    private static final ValueLayout.OfLong BE_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort BE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final ReadableByteChannel channel;
    private final int largestBytes;
    private ByteBuffer buffer;
    private MemorySegment bytes;
    private long bufferPosition;
    private int next;
    private int limit;
    private String section = "stream";
    private BeforeWaiting beforeWaiting = () -> {};

    /** An input at position 0. */
    public ByteInput(ReadableByteChannel channel) {
        this(channel, 0);
    }

    /**
     * An input whose first byte has a position of its own: a stream that starts inside a file.
     *
     * @param positionBytes of the first byte
     */
    public ByteInput(ReadableByteChannel channel, long positionBytes) {
        this(channel, positionBytes, ByteBuffer.allocateDirect(FIRST_BYTES), BUFFER_BYTES);
    }

    private ByteInput(ReadableByteChannel channel, long positionBytes, ByteBuffer buffer, int largestBytes) {
        this.channel = channel;
        this.bufferPosition = positionBytes;
        this.buffer = buffer;
        this.bytes = MemorySegment.ofBuffer(buffer);
        this.largestBytes = largestBytes;
    }

    /** {@return an input of bytes that are there already, at position 0} Costs a copy of them and nothing else. */
    public static ByteInput of(byte[] content) {
        ByteBuffer copy = ByteBuffer.wrap(content.clone());
        ByteInput input = new ByteInput(Channels.newChannel(InputStream.nullInputStream()), 0, copy, content.length);
        input.limit = content.length;
        return input;
    }

    /** What is to be done before more is waited for. */
    interface BeforeWaiting {
        /** Does not use the input. */
        void pause() throws IOException;
    }

    /** Says what is to be done each time before the channel is read, which may take for ever. */
    void beforeWaiting(BeforeWaiting action) {
        beforeWaiting = action;
    }

    /** {@return the position of the next byte} */
    public long position() {
        return bufferPosition + next;
    }

    /** Says what is being read from here on; errors name it. */
    public void section(String name) {
        section = name;
    }

    /** {@return the error of finding something else than expected at the position} */
    public StreamFormatException unexpected(String expected, String found) {
        return unexpectedAt(position(), expected, found);
    }

    /** {@return the error of finding something else than expected at a position that lies behind} */
    public StreamFormatException unexpectedAt(long positionBytes, String expected, String found) {
        return new StreamFormatException(positionBytes, section, expected, found);
    }

    /** {@return the next byte, 0 to 255} */
    public int u8() throws IOException {
        ensure(1);
        return bytes.get(ValueLayout.JAVA_BYTE, next++) & 0xff;
    }

    /** {@return the next two bytes, 0 to 65535} */
    public int u16() throws IOException {
        ensure(2);
        int value = bytes.get(BE_SHORT, next) & 0xffff;
        next += 2;
        return value;
    }

    /** {@return the next four bytes, an unsigned value in an int} */
    public int u32() throws IOException {
        ensure(4);
        int value = bytes.get(BE_INT, next);
        next += 4;
        return value;
    }

    /** {@return the next eight bytes, an unsigned value in a long} */
    public long u64() throws IOException {
        ensure(8);
        long value = bytes.get(BE_LONG, next);
        next += 8;
        return value;
    }

    /**
     * Reads a string whose first byte is its length.
     *
     * @param what the string is, for the error
     * @throws StreamFormatException if it is not UTF-8, which would not survive being written again
     */
    public String countedString(String what) throws IOException {
        return utf8(u8(), what);
    }

    /**
     * Reads a string of a length that is known.
     *
     * @param lengthBytes at most {@link #BUFFER_BYTES}
     * @param what the string is, for the error
     * @throws StreamFormatException if it is not UTF-8
     */
    public String utf8(int lengthBytes, String what) throws IOException {
        long at = position();
        MemorySegment text = take(lengthBytes);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(text.asByteBuffer())
                    .toString();
        } catch (CharacterCodingException _) {
            throw unexpectedAt(at, what + " in UTF-8", "bytes that are not");
        }
    }

    /**
     * Lends the next bytes and steps over them; what is lent is gone with the next call of any method.
     *
     * @param lengthBytes at most {@link #BUFFER_BYTES}
     */
    public MemorySegment take(int lengthBytes) throws IOException {
        ensure(lengthBytes);
        MemorySegment slice = bytes.asSlice(next, lengthBytes);
        next += lengthBytes;
        return slice;
    }

    /** Reads as many bytes as the array has. */
    public void readFully(byte[] target) throws IOException {
        int done = 0;
        while (done < target.length) {
            ensure(1);
            int piece = Math.min(target.length - done, limit - next);
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, next, target, done, piece);
            next += piece;
            done += piece;
        }
    }

    /**
     * Reads bytes into a new array that grows with what arrives, so that a length that lies costs nothing.
     *
     * @param lengthBytes checked by the caller against a limit of the format
     */
    public byte[] bytes(int lengthBytes) throws IOException {
        byte[] result = new byte[Math.min(lengthBytes, BUFFER_BYTES)];
        int done = 0;
        while (done < lengthBytes) {
            if (done == result.length) {
                result = Arrays.copyOf(result, (int) Math.min(lengthBytes, result.length * 2L));
            }
            ensure(1);
            int piece = Math.min(result.length - done, limit - next);
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, next, result, done, piece);
            next += piece;
            done += piece;
        }
        return result;
    }

    /** Steps over bytes. */
    public void skip(long lengthBytes) throws IOException {
        long left = lengthBytes;
        while (left > 0) {
            ensure(1);
            int piece = (int) Math.min(left, limit - next);
            next += piece;
            left -= piece;
        }
    }

    /** {@return the next byte, 0 to 255, which stays the next one} */
    public int peek() throws IOException {
        ensure(1);
        return bytes.get(ValueLayout.JAVA_BYTE, next) & 0xff;
    }

    /** {@return whether the input has ended} Waits for a byte or the end. */
    public boolean atEnd() throws IOException {
        return next == limit && !fill(1);
    }

    /** {@return what is in the buffer, from the next byte on; gone with the next call of any method} */
    MemorySegment buffered() {
        return bytes.asSlice(next, limit - next);
    }

    /** {@return whether more is in the buffer now than before} False at the end of the input or with a full buffer. */
    boolean readMore() throws IOException {
        int wanted = limit - next + 1;
        return wanted <= BUFFER_BYTES && fill(wanted);
    }

    /** {@return whether the buffer is full with what has not been read} */
    boolean bufferIsFull() {
        return limit - next >= BUFFER_BYTES;
    }

    private void ensure(int lengthBytes) throws IOException {
        if (limit - next < lengthBytes && !fill(lengthBytes)) {
            throw unexpectedAt(
                    position() + (limit - next), lengthBytes - (limit - next) + " more bytes", "the end of the input");
        }
    }

    /** Moves what is left to the buffer's start and reads until there are that many bytes; false at the end. */
    private boolean fill(int lengthBytes) throws IOException {
        if (lengthBytes < 0 || lengthBytes > BUFFER_BYTES) {
            throw new IllegalArgumentException("lengthBytes out of range: " + lengthBytes);
        }
        int left = limit - next;
        MemorySegment target = roomFor(lengthBytes);
        MemorySegment.copy(bytes, next, target, 0, left);
        bytes = target;
        bufferPosition += next;
        next = 0;
        limit = left;
        while (limit < lengthBytes) {
            if (limit == buffer.capacity()) {
                return false; // bytes that were there from the start, all of them
            }
            beforeWaiting.pause();
            int read = channel.read(buffer.limit(buffer.capacity()).position(limit));
            if (read < 0) {
                return false;
            }
            if (read == 0) {
                throw new IOException("the channel is not in blocking mode");
            }
            limit += read;
        }
        return true;
    }

    /** {@return the buffer to read on into: a larger one where this one has been full, or is too short} */
    private MemorySegment roomFor(int lengthBytes) {
        boolean isShort = limit == buffer.capacity() || lengthBytes > buffer.capacity();
        if (!isShort || buffer.capacity() >= largestBytes) {
            return bytes;
        }
        buffer = ByteBuffer.allocateDirect(largestBytes);
        return MemorySegment.ofBuffer(buffer);
    }
}
