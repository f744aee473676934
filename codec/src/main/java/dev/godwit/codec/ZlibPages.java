package dev.godwit.codec;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Decodes pages that are each a zlib stream (RFC 1950) of their own: the COMPRESS_PAGE records of sources before QEMU
 * 9.1, qemu-migration specification section 2.1. Owned by one thread.
 */
public final class ZlibPages implements AutoCloseable {

    private final Inflater inflater = new Inflater();
    private final ByteBuffer pastTheEnd = ByteBuffer.allocate(1);

    /** A decoder that holds native memory until it is closed. */
    public ZlibPages() {}

    /**
     * Decodes one page.
     *
     * @param compressed one whole zlib stream
     * @param page where the page goes, {@link Page#SIZE_BYTES} long
     * @throws PageDecodingException if the stream is damaged, does not end with the input, or holds more or less than a
     *     page; what the page holds then is undefined
     */
    public void decode(MemorySegment compressed, MemorySegment page) throws PageDecodingException {
        inflater.reset();
        ByteBuffer input = compressed.asByteBuffer();
        ByteBuffer output = page.asSlice(0, Page.SIZE_BYTES).asByteBuffer();
        inflater.setInput(input);
        try {
            while (output.hasRemaining() && inflater.inflate(output) > 0) {
                // until the page is full, or the input brings no more
            }
            if (output.hasRemaining()) {
                throw new PageDecodingException("a zlib stream of " + output.position() + " bytes instead of a page");
            }
            if (inflater.inflate(pastTheEnd.clear()) > 0) {
                throw new PageDecodingException("a zlib stream of more than a page");
            }
        } catch (DataFormatException e) {
            throw new PageDecodingException("a damaged zlib stream", e);
        }
        if (!inflater.finished()) {
            throw new PageDecodingException("a zlib stream that does not end");
        }
        if (inflater.getRemaining() > 0) {
            throw new PageDecodingException(inflater.getRemaining() + " bytes after the end of the zlib stream");
        }
    }

    @Override
    public void close() {
        inflater.close();
    }
}
