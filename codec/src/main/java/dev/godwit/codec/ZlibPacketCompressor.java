package dev.godwit.codec;

import java.nio.ByteBuffer;
import java.util.zip.Deflater;

/** The zlib method of multifd: one RFC 1950 stream a channel, sync-flushed a packet, never ended. */
final class ZlibPacketCompressor implements MultifdCompressor {

    private final Deflater deflater;

    ZlibPacketCompressor(int level) {
        if (level < 0 || level > 9) {
            throw new IllegalArgumentException("multifd-zlib-level is 0 to 9: " + level);
        }
        deflater = new Deflater(level);
    }

    @Override
    public void encode(ByteBuffer pages, ByteBuffer compressed) {
        deflater.setInput(pages);
        // A flush is whole when the call leaves room in the target.
        do {
            deflater.deflate(compressed, Deflater.SYNC_FLUSH);
            if (!compressed.hasRemaining()) {
                throw new IllegalArgumentException("a zlib packet does not fit: compressedBytes="
                        + compressed.capacity() + ", pagesLeftBytes=" + pages.remaining());
            }
        } while (pages.hasRemaining());
    }

    @Override
    public void close() {
        deflater.close();
    }
}
