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
            throw input.unexpectedAt(input.position() - 4, "a QEMU migration stream (QEVM)", "0x%08x".formatted(magic));
        }
        int version = input.u32();
        if (version != VERSION) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "version 3",
                    "version " + Integer.toUnsignedString(version) + (version == 2 ? " (obsolete)" : ""));
        }
    }

    /** Writes the header. */
    public static void write(ByteOutput output) throws IOException {
        output.u32(MAGIC);
        output.u32(VERSION);
    }
}
