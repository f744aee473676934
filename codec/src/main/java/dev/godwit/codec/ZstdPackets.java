package dev.godwit.codec;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.nio.ByteBuffer;

/** The zstd method of multifd: one frame a channel, flushed a packet, never ended. */
final class ZstdPackets implements MultifdDecompressor {

    /** The longest window that a frame may ask memory for: 2^27 bytes is what the highest level uses. */
    private static final int MAX_WINDOW_LOG = 27;

    private final ZstdDecompressCtx context = new ZstdDecompressCtx().setLongMax(MAX_WINDOW_LOG);
    private final ByteBuffer pastTheEnd = ByteBuffer.allocateDirect(1);

    @Override
    public void decode(ByteBuffer compressed, ByteBuffer pages) throws PageDecodingException {
        int expected = pages.remaining();
        try {
            while (pages.hasRemaining() && progress(compressed, pages)) {
                // until the target is full, or the input brings no more
            }
            if (pages.hasRemaining()) {
                throw new PageDecodingException(
                        "a zstd packet of " + (expected - pages.remaining()) + " bytes instead of " + expected);
            }
            pastTheEnd.clear();
            while (pastTheEnd.hasRemaining() && progress(compressed, pastTheEnd)) {
                // takes up what yields nothing, such as the block header of a flush
            }
            if (!pastTheEnd.hasRemaining()) {
                throw new PageDecodingException("a zstd packet of more than " + expected + " bytes");
            }
        } catch (ZstdException e) {
            throw new PageDecodingException("a damaged zstd packet: " + e.getMessage(), e);
        }
        if (compressed.hasRemaining()) {
            throw new PageDecodingException(compressed.remaining() + " bytes after the end of the zstd packet");
        }
    }

    private boolean progress(ByteBuffer compressed, ByteBuffer target) {
        int before = compressed.remaining() + target.remaining();
        context.decompressDirectByteBufferStream(target, compressed);
        return compressed.remaining() + target.remaining() < before;
    }

    @Override
    public void close() {
        context.close();
    }
}
