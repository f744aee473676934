package dev.godwit.codec;

import com.github.luben.zstd.EndDirective;
import com.github.luben.zstd.ZstdCompressCtx;
import java.nio.ByteBuffer;

/**
 * The zstd method of multifd: one frame a channel, flushed a packet, never ended.
 *
 * <p>Pages are handed over where they lie: unless it is told that its input stands still
 * ({@code ZSTD_c_stableInBuffer}), the library copies input into its own window before it looks at it.
 */
final class ZstdPacketCompressor implements MultifdCompressor {

    private final ZstdCompressCtx context;
    private final ByteBuffer nothing = ByteBuffer.allocateDirect(0);

    ZstdPacketCompressor(int level) {
        if (level < 0 || level > 20) {
            throw new IllegalArgumentException("multifd-zstd-level is 0 to 20: " + level);
        }
        context = new ZstdCompressCtx().setLevel(level);
    }

    @Override
    public void add(ByteBuffer pages, ByteBuffer compressed) {
        while (pages.hasRemaining()) {
            context.compressDirectByteBufferStream(compressed, pages, EndDirective.CONTINUE);
            checkRoom(compressed);
        }
    }

    @Override
    public void flush(ByteBuffer compressed) {
        while (!context.compressDirectByteBufferStream(compressed, nothing, EndDirective.FLUSH)) {
            checkRoom(compressed);
        }
    }

    private static void checkRoom(ByteBuffer compressed) {
        if (!compressed.hasRemaining()) {
            throw new IllegalArgumentException("a zstd packet does not fit into " + compressed.capacity() + " bytes");
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
