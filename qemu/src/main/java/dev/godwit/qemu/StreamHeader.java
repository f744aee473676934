package dev.godwit.qemu;

import java.io.IOException;

/**
 * The header of a stream, qemu-migration specification section 1.1: {@code u32 magic 0x5145564d ("QEVM"), u32 version
 * 3}.
 */
public final class StreamHeader {

    /** The magic number, {@code QEVM}. */
    public static final int MAGIC = 0x5145564D;

    /** How long the header is. */
    public static final int LENGTH_BYTES = 8;

    private static final int VERSION = 3;

    /** Content type 22 and the first byte of the version: qemu-migration specification section 4.9. */
    private static final int TLS_HANDSHAKE = 0x1603;

    private StreamHeader() {}

    /**
     * Reads the header.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is not that of a migration stream of version 3
     */
    public static void read(ByteInput input) throws IOException {
        input.section("stream header");
        int magic = input.u32();
        if (magic != MAGIC) {
            throw input.unexpectedAt(
                    input.position() - 4, "a QEMU migration stream (QEVM)", "0x%08x".formatted(magic) + meaning(magic));
        }
        int version = input.u32();
        if (version != VERSION) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "version 3",
                    "version " + Integer.toUnsignedString(version) + (version == 2 ? " (obsolete)" : ""));
        }
    }

    /** {@return what a stream is that begins otherwise, in words to be added; empty where that is not known} */
    public static String meaning(int firstBytes) {
        return firstBytes >>> 16 == TLS_HANDSHAKE ? " (a TLS ClientHello: the source has tls-creds set)" : "";
    }

    /** Writes the header. */
    public static void write(ByteOutput output) throws IOException {
        output.u32(MAGIC);
        output.u32(VERSION);
    }
}
