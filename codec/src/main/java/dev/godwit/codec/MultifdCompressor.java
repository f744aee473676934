package dev.godwit.codec;

import java.nio.ByteBuffer;

/**
 * Makes the payloads of one multifd channel: one compression stream for the whole migration, flushed at the end of each
 * packet and never ended (qemu-migration specification section 4.8). What it makes, {@link MultifdDecompressor} reads.
 * Owned by one thread; holds native memory until it is closed.
 */
public sealed interface MultifdCompressor extends AutoCloseable permits ZlibPacketCompressor, ZstdPacketCompressor {

    /**
     * {@return an encoder of method zlib (flag 0x02)}
     *
     * @param level 0 (none) to 9 (best)
     */
    static MultifdCompressor zlib(int level) {
        return new ZlibPacketCompressor(level);
    }

    /**
     * {@return an encoder of method zstd (flag 0x04)}
     *
     * @param level 0 (zstd's own default) to 20 (best)
     */
    static MultifdCompressor zstd(int level) {
        return new ZstdPacketCompressor(level);
    }

    /**
     * {@return the most bytes that a packet's pages can turn into}
     *
     * @param pagesBytes of the pages
     */
    static int mostBytes(int pagesBytes) {
        return pagesBytes + (pagesBytes >>> 6) + 1024;
    }

    /**
     * Adds pages to the packet.
     *
     * @param pages from position to limit, used up; a direct buffer. The guest may write to it meanwhile: each byte is
     *     read once, and one value or the other is sent
     * @param compressed takes what there is of the payload from its position on, which moves behind it; a direct buffer
     *     with {@link #mostBytes} of room for all of the packet
     */
    void add(ByteBuffer pages, ByteBuffer compressed);

    /**
     * Ends the packet: all that was added can be decoded from what was put into {@code compressed} since the last call.
     *
     * @param compressed as in {@link #add}
     */
    void flush(ByteBuffer compressed);

    @Override
    void close();
}
