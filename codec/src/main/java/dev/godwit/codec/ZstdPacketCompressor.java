package dev.godwit.codec;

import com.github.luben.zstd.EndDirective;
import com.github.luben.zstd.ZstdCompressCtx;
import java.nio.ByteBuffer;

/** The zstd method of multifd: one frame a channel, flushed a packet, never ended. */
final class ZstdPacketCompressor implements MultifdCompressor {

    private final ZstdCompressCtx context;

    ZstdPacketCompressor(int level) {
        if (level < 0 || level > 20) {
            throw new IllegalArgumentException("multifd-zstd-level is 0 to 20: " + level);
        }
        context = new ZstdCompressCtx().setLevel(level);
    }

    @Override
    public void encode(ByteBuffer pages, ByteBuffer compressed) {
        while (!context.compressDirectByteBufferStream(compressed, pages, EndDirective.FLUSH)) {
            if (!compressed.hasRemaining()) {
                throw new IllegalArgumentException("a zstd packet does not fit: compressedBytes="
                        + compressed.capacity() + ", pagesLeftBytes=" + pages.remaining());
            }
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
