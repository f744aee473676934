package dev.godwit.qemu.mappedram;

import dev.godwit.engine.StreamFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** Reads pieces of a file whole, or says where it ends too early; and reads on from a place as a channel. */
final class FileReader {

    private FileReader() {}

    /**
     * {@return a piece of the file}
     *
     * @param lengthBytes bounded by the caller
     * @throws StreamFormatException if the file ends before
     */
    static ByteBuffer read(PositionedInput file, long positionBytes, int lengthBytes, String section)
            throws IOException {
        if (positionBytes > file.lengthBytes() - lengthBytes) {
            throw ends(file, section, positionBytes + lengthBytes);
        }
        byte[] bytes = new byte[lengthBytes];
        if (file.read(positionBytes, MemorySegment.ofArray(bytes)) < lengthBytes) {
            throw ends(file, section, positionBytes + lengthBytes);
        }
        return ByteBuffer.wrap(bytes);
    }

    private static StreamFormatException ends(PositionedInput file, String section, long wantedBytes) {
        return new StreamFormatException(
                file.lengthBytes(), section, "a file of at least " + wantedBytes + " bytes", "the end of the file");
    }

    /** {@return the file from a position to its end, read as it goes; closing it does nothing} */
    static ReadableByteChannel channel(PositionedInput file, long positionBytes) {
        return channel(file, positionBytes, file.lengthBytes());
    }

    /** {@return the same up to another end, which is not behind the file's} */
    static ReadableByteChannel channel(PositionedInput file, long positionBytes, long endBytes) {
        return new ReadableByteChannel() {
            private long next = positionBytes;

            @Override
            public int read(ByteBuffer target) throws IOException {
                MemorySegment segment = MemorySegment.ofBuffer(target);
                long wanted = Math.min(segment.byteSize(), Math.max(0, endBytes - next));
                long length = file.read(next, segment.asSlice(0, wanted));
                next += length;
                target.position(target.position() + (int) length);
                return length == 0 && segment.byteSize() > 0 ? -1 : (int) length;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
    }
}
