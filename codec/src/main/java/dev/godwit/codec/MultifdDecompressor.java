package dev.godwit.codec;

import java.nio.ByteBuffer;

/**
 * Decodes the payloads of one multifd channel: one compression stream for the whole migration, flushed at the end of
 * each packet, so that every packet decodes fully but only after all packets before it (qemu-migration specification
 * section 4.8). Owned by one thread; holds native memory until it is closed.
 */
public sealed interface MultifdDecompressor extends AutoCloseable permits ZlibPackets, ZstdPackets {

    /** {@return a decoder of method zlib (flag 0x02)} */
    static MultifdDecompressor zlib() {
        return new ZlibPackets();
    }

    /** {@return a decoder of method zstd (flag 0x04)} */
    static MultifdDecompressor zstd() {
        return new ZstdPackets();
    }

    /**
     * Decodes the payload of the next packet. It has to be used up, and to fill the target exactly.
     *
     * @param compressed the packet's payload from position to limit; a direct buffer
     * @param pages where the pages go, from position to limit; a direct buffer
     * @throws PageDecodingException if the payload is damaged, or holds more or less than the target takes; the decoder
     *     is of no more use
     */
    void decode(ByteBuffer compressed, ByteBuffer pages) throws PageDecodingException;

    @Override
    void close();
}
