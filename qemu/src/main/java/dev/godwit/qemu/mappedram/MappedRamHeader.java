package dev.godwit.qemu.mappedram;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.nio.ByteBuffer;

/**
 * The header that stands behind each block's entry in a mapped-ram file, big-endian (qemu-migration specification
 * section 5.1).
 *
 * <pre>
 *  0  u32  version, 1
 *  4  u64  size of a target page, 4096
 * 12  u64  where the bitmap starts, from the start of the file
 * 20  u64  where the pages start, from the start of the file
 * </pre>
 *
 * @param bitmapOffsetBytes where the bitmap starts in the file
 * @param pagesOffsetBytes where page 0 lies in the file, a multiple of a page
 */
public record MappedRamHeader(long bitmapOffsetBytes, long pagesOffsetBytes) {

    /** How long the header is. */
    public static final int LENGTH_BYTES = 28;

    private static final int VERSION = 1;

    /**
     * Reads a header and checks what does not depend on the block.
     *
     * @param bytes at the header
     * @param positionBytes of the header in the file, for errors
     * @param section what is being read, for errors
     */
    static MappedRamHeader read(ByteBuffer bytes, long positionBytes, String section) throws StreamFormatException {
        int version = bytes.getInt();
        if (version != VERSION) {
            throw new StreamFormatException(
                    positionBytes,
                    section,
                    "mapped-ram header of version " + VERSION,
                    "version " + Integer.toUnsignedString(version));
        }
        long pageSizeBytes = bytes.getLong();
        if (pageSizeBytes != Page.SIZE_BYTES) {
            throw new StreamFormatException(
                    positionBytes + 4,
                    section,
                    "target pages of " + Page.SIZE_BYTES + " bytes",
                    Long.toUnsignedString(pageSizeBytes) + " bytes");
        }
        MappedRamHeader header = new MappedRamHeader(bytes.getLong(), bytes.getLong());
        if (header.pagesOffsetBytes % Page.SIZE_BYTES != 0) {
            throw new StreamFormatException(
                    positionBytes + 20,
                    section,
                    "pages at a multiple of " + Page.SIZE_BYTES,
                    Long.toUnsignedString(header.pagesOffsetBytes));
        }
        return header;
    }

    /** Writes the header. */
    void write(ByteBuffer target) {
        target.putInt(VERSION)
                .putLong(Page.SIZE_BYTES)
                .putLong(bitmapOffsetBytes)
                .putLong(pagesOffsetBytes);
    }
}
