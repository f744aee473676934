package dev.godwit.codec;

import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** The zlib method of multifd: one RFC 1950 stream a channel, sync-flushed a packet, never ended. */
final class ZlibPackets implements MultifdDecompressor {

    private final Inflater inflater = new Inflater();
    private final ByteBuffer pastTheEnd = ByteBuffer.allocateDirect(1);

    @Override
    public void decode(ByteBuffer compressed, ByteBuffer pages) throws PageDecodingException {
        int expected = pages.remaining();
        inflater.setInput(compressed);
        try {
            while (pages.hasRemaining() && inflater.inflate(pages) > 0) {
                // until the target is full, or the input brings no more
            }
            if (pages.hasRemaining()) {
                throw new PageDecodingException("a zlib packet of " + (expected - pages.remaining())
                        + " bytes instead of " + expected + (inflater.finished() ? ", the stream ended in it" : ""));
            }
            // The flush marker at the packet's end yields nothing; it is taken up by this call.
            if (inflater.inflate(pastTheEnd.clear()) > 0) {
                throw new PageDecodingException("a zlib packet of more than " + expected + " bytes");
            }
        } catch (DataFormatException e) {
            throw new PageDecodingException("a damaged zlib packet", e);
        }
        if (compressed.hasRemaining()) {
            throw new PageDecodingException(compressed.remaining() + " bytes after the end of the zlib packet");
        }
    }

    @Override
    public void close() {
        inflater.close();
    }
}
