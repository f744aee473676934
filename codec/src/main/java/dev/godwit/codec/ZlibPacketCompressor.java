package dev.godwit.codec;

import java.nio.ByteBuffer;
import java.util.zip.Deflater;

/**
 * The zlib method of multifd: one RFC 1950 stream a channel, sync-flushed a packet, never ended.
 *
 * <p>Pages are copied first, a few at a time: zlib does not say that it reads its input only once.
 */
final class ZlibPacketCompressor implements MultifdCompressor {

    private static final int COPY_BYTES = 32 << 10;

    private final Deflater deflater;
    private final ByteBuffer copy = ByteBuffer.allocateDirect(COPY_BYTES);

    ZlibPacketCompressor(int level) {
        if (level < 0 || level > 9) {
            throw new IllegalArgumentException("multifd-zlib-level is 0 to 9: " + level);
        }
        deflater = new Deflater(level);
    }

    @Override
    public void add(ByteBuffer pages, ByteBuffer compressed) {
        while (pages.hasRemaining()) {
            int bytes = Math.min(COPY_BYTES, pages.remaining());
            copy.clear().put(0, pages, pages.position(), bytes).limit(bytes);
            pages.position(pages.position() + bytes);
            deflater.setInput(copy);
            while (copy.hasRemaining()) {
                deflater.deflate(compressed, Deflater.NO_FLUSH);
                checkRoom(compressed);
            }
        }
    }

    @Override
    public void flush(ByteBuffer compressed) {
        // A flush is whole when the call leaves room in the target.
        deflater.deflate(compressed, Deflater.SYNC_FLUSH);
        checkRoom(compressed);
    }

    private static void checkRoom(ByteBuffer compressed) {
        if (!compressed.hasRemaining()) {
            throw new IllegalArgumentException("a zlib packet does not fit into " + compressed.capacity() + " bytes");
        }
    }

    @Override
    public void close() {
        deflater.close();
    }
}
