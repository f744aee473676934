package dev.godwit.qemu;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageViews;
import java.io.Flushable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Writes a migration stream to a channel through one buffer: big-endian values, counted strings, runs of bytes. What is
 * long goes past the buffer.
 *
 * <p>Owned by one thread. The channel is in blocking mode and is not closed here; {@link #flush} hands it what is
 * buffered.
 */
public final class ByteOutput implements Flushable {

    private static final int BUFFER_BYTES = 1 << 20;
    private static final int PAST_THE_BUFFER_BYTES = 64 << 10;
    private static final int SMALL_BUFFER_BYTES = 4 << 10;

    /** How many pieces of lent memory one write gathers; the kernel takes 1024 pieces in all. */
    private static final int MOST_LENT = 256;

    private static final ValueLayout.OfLong BE_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt BE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort BE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final WritableByteChannel channel;
    private final ByteBuffer buffer;
    private final MemorySegment bytes;
    private final @Nullable GatheringByteChannel gathering;
    private final ByteBuffer[] pieces;
    private final ByteBuffer[] bufferViews;
    private @Nullable PageViews lentViews;
    private int lentPieces;
    private int filledPieces;
    private int pieceStart;
    private long lentBytes;
    private long bufferPosition;
    private int next;

    /** An output at position 0. */
    public ByteOutput(WritableByteChannel channel) {
        this(channel, 0);
    }

    /**
     * An output whose first byte has a position of its own: a stream that starts inside a file.
     *
     * @param positionBytes of the first byte
     */
    public ByteOutput(WritableByteChannel channel, long positionBytes) {
        this(channel, positionBytes, ByteBuffer.allocateDirect(BUFFER_BYTES));
    }

    private ByteOutput(WritableByteChannel channel, long positionBytes, ByteBuffer buffer) {
        this.channel = channel;
        this.bufferPosition = positionBytes;
        this.buffer = buffer;
        this.bytes = MemorySegment.ofBuffer(buffer);
        this.gathering = channel instanceof GatheringByteChannel gathers ? gathers : null;
        this.pieces = gathering == null ? new ByteBuffer[0] : new ByteBuffer[2 * MOST_LENT + 1];
        this.bufferViews = gathering == null ? new ByteBuffer[0] : new ByteBuffer[MOST_LENT + 1];
        for (int i = 0; i < bufferViews.length; i++) {
            bufferViews[i] = buffer.duplicate();
        }
    }

    /**
     * {@return an output at position 0 for what is short: a message, a section} The large buffer of other outputs costs
     * a millisecond to come by.
     */
    public static ByteOutput ofLittle(WritableByteChannel channel) {
        return new ByteOutput(channel, 0, ByteBuffer.allocate(SMALL_BUFFER_BYTES));
    }

    /** {@return an output at position 0 for single pages, with a buffer that is come by at once too} */
    static ByteOutput ofPages(WritableByteChannel channel) {
        return new ByteOutput(channel, 0, ByteBuffer.allocateDirect(PAST_THE_BUFFER_BYTES));
    }

    /** {@return the position of the next byte} */
    public long position() {
        return bufferPosition + next + lentBytes;
    }

    /** Writes the low 8 bits. */
    public void u8(int value) throws IOException {
        room(1);
        bytes.set(ValueLayout.JAVA_BYTE, next, (byte) value);
        next += 1;
    }

    /** Writes the low 16 bits. */
    public void u16(int value) throws IOException {
        room(2);
        bytes.set(BE_SHORT, next, (short) value);
        next += 2;
    }

    /** Writes 32 bits. */
    public void u32(int value) throws IOException {
        room(4);
        bytes.set(BE_INT, next, value);
        next += 4;
    }

    /** Writes 64 bits. */
    public void u64(long value) throws IOException {
        room(8);
        bytes.set(BE_LONG, next, value);
        next += 8;
    }

    /**
     * Writes a string after a byte with its length.
     *
     * @throws IllegalArgumentException if it has more than 255 bytes in UTF-8
     */
    public void countedString(String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        if (utf8.length > 255) {
            throw new IllegalArgumentException("a counted string has at most 255 bytes: " + utf8.length);
        }
        u8(utf8.length);
        write(utf8);
    }

    /** Writes bytes. */
    public void write(byte[] content) throws IOException {
        write(MemorySegment.ofArray(content));
    }

    /** Writes bytes; they may change as soon as the call returns. */
    public void write(MemorySegment content) throws IOException {
        long lengthBytes = content.byteSize();
        if (lengthBytes >= Math.min(PAST_THE_BUFFER_BYTES, buffer.capacity())) {
            flush();
            writePastTheBuffer(content);
            return;
        }
        room((int) lengthBytes);
        MemorySegment.copy(content, 0, bytes, next, lengthBytes);
        next += (int) lengthBytes;
    }

    /** {@return views of a machine's memory, as many as {@link #lend} needs} */
    static PageViews views(GuestMemory memory) {
        return new PageViews(memory, MOST_LENT);
    }

    /**
     * Writes guest memory without a copy: it is read when the output is flushed, and not after. Copied all the same
     * where the channel cannot gather.
     *
     * @param views of {@link #views}, the same ones until the next flush
     * @param lengthBytes in one window of the views
     */
    void lend(PageViews views, int blockIndex, long offsetBytes, int lengthBytes) throws IOException {
        if (gathering == null) {
            write(MemorySegment.ofBuffer(views.view(0, blockIndex, offsetBytes, lengthBytes)));
            return;
        }
        if (lentPieces == MOST_LENT) {
            flush();
        }
        if (lentViews != null && !lentViews.equals(views)) {
            throw new IllegalArgumentException("memory of two machines in one write");
        }
        lentViews = views;
        endPiece();
        pieces[filledPieces] = views.view(lentPieces, blockIndex, offsetBytes, lengthBytes);
        filledPieces++;
        lentPieces++;
        lentBytes += lengthBytes;
    }

    /** What was buffered since the last piece of lent memory becomes a piece of its own. */
    private void endPiece() {
        if (next > pieceStart) {
            pieces[filledPieces] = bufferViews[lentPieces].limit(next).position(pieceStart);
            filledPieces++;
            pieceStart = next;
        }
    }

    /** Hands what is buffered, and what was lent, to the channel. */
    @Override
    public void flush() throws IOException {
        if (next == 0 && lentPieces == 0) {
            return;
        }
        // Counted first: a write that fails half way must not be repeated by a later flush.
        int lengthBytes = next;
        long gatheredBytes = lentBytes == 0 ? 0 : next + lentBytes;
        if (lentBytes > 0) {
            endPiece();
        }
        int count = filledPieces;
        bufferPosition += next + lentBytes;
        next = 0;
        pieceStart = 0;
        lentPieces = 0;
        lentViews = null;
        filledPieces = 0;
        lentBytes = 0;
        if (gathering != null && gatheredBytes > 0) {
            writeAll(gathering, count, gatheredBytes);
        } else {
            writeAll(buffer.limit(lengthBytes).position(0));
        }
    }

    private void writeAll(GatheringByteChannel target, int count, long lengthBytes) throws IOException {
        int first = 0;
        long leftBytes = lengthBytes;
        while (leftBytes > 0) {
            long written = target.write(pieces, first, count - first);
            if (written == 0) {
                throw notBlocking();
            }
            leftBytes -= written;
            while (first < count && !pieces[first].hasRemaining()) {
                first++;
            }
        }
    }

    private void writePastTheBuffer(MemorySegment content) throws IOException {
        for (long done = 0; done < content.byteSize(); ) {
            long piece = Math.min(content.byteSize() - done, BUFFER_BYTES);
            writeAll(content.asSlice(done, piece).asByteBuffer());
            done += piece;
            bufferPosition += piece;
        }
    }

    private void writeAll(ByteBuffer source) throws IOException {
        while (source.hasRemaining()) {
            if (channel.write(source) == 0) {
                throw notBlocking();
            }
        }
    }

    private static IOException notBlocking() {
        return new IOException("the channel is not in blocking mode");
    }

    private void room(int lengthBytes) throws IOException {
        if (buffer.capacity() - next < lengthBytes) {
            flush();
        }
    }
}
