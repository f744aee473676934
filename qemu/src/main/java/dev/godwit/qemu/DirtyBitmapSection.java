package dev.godwit.qemu;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;

/**
 * Finds the end of a dirty-bitmap section, which has no length of its own, and keeps its bytes (qemu-migration
 * specification section 1.8).
 *
 * <pre>
 * chunks, up to one with EOS: flags, then
 *   0x08 DEVICE_NAME  counted string     0x04 BITMAP_NAME  counted string
 *   0x10 START        u32 granularity, u8 bits
 *   0x20 COMPLETE     nothing
 *   0x40 BITS         u64 first sector, u32 sectors, and unless 0x02 ZEROES: u64 length, that many bytes
 *   0x01 EOS          the last chunk
 * </pre>
 */
final class DirtyBitmapSection {

    static final String IDSTR = "dirty-bitmap";
    static final int VERSION = 1;

    private static final int EOS = 0x01;
    private static final int ZEROES = 0x02;
    private static final int BITMAP_NAME = 0x04;
    private static final int DEVICE_NAME = 0x08;
    private static final int START = 0x10;
    private static final int COMPLETE = 0x20;
    private static final int BITS = 0x40;
    private static final int EXTRA_FLAGS = 0x80;

    private static final int MAX_CHUNK_BYTES = 10 << 10;
    private static final int MAX_SECTION_BYTES = 256 << 20;

    private final ByteInput input;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final DataOutputStream copy = new DataOutputStream(kept);

    private DirtyBitmapSection(ByteInput input) {
        this.input = input;
    }

    /** {@return the payload of the section, up to its footer} */
    static byte[] read(ByteInput input) throws IOException {
        DirtyBitmapSection section = new DirtyBitmapSection(input);
        boolean more = true;
        while (more) {
            more = section.readChunk();
        }
        return section.kept.toByteArray();
    }

    /** Reads one chunk; false if it was the last. */
    private boolean readChunk() throws IOException {
        long at = input.position();
        int flags = u8();
        if ((flags & EXTRA_FLAGS) != 0) {
            throw input.unexpectedAt(at, "one byte of known dirty-bitmap flags", "0x%02x and more".formatted(flags));
        }
        int kind = flags & (START | COMPLETE | BITS);
        if (Integer.bitCount(kind) > 1 || (kind == 0 && (flags & EOS) == 0)) {
            throw input.unexpectedAt(at, "one kind of dirty-bitmap chunk", "flags 0x%02x".formatted(flags));
        }
        if ((flags & DEVICE_NAME) != 0) {
            countedBytes();
        }
        if ((flags & BITMAP_NAME) != 0) {
            countedBytes();
        }
        switch (kind) {
            case START -> {
                copy.writeInt(input.u32());
                u8();
            }
            case BITS -> readBits((flags & ZEROES) != 0);
            default -> {}
        }
        if (kept.size() > MAX_SECTION_BYTES) {
            throw input.unexpected("a dirty-bitmap section of at most " + MAX_SECTION_BYTES + " bytes", "more");
        }
        return (flags & EOS) == 0;
    }

    private void readBits(boolean zeroes) throws IOException {
        copy.writeLong(input.u64());
        copy.writeInt(input.u32());
        if (zeroes) {
            return;
        }
        long lengthBytes = input.u64();
        if (lengthBytes < 0 || lengthBytes > MAX_CHUNK_BYTES) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "bits of at most " + MAX_CHUNK_BYTES + " bytes",
                    Long.toUnsignedString(lengthBytes));
        }
        copy.writeLong(lengthBytes);
        copy.write(input.bytes((int) lengthBytes));
    }

    private void countedBytes() throws IOException {
        copy.write(input.bytes(u8()));
    }

    private int u8() throws IOException {
        int value = input.u8();
        copy.writeByte(value);
        return value;
    }
}
