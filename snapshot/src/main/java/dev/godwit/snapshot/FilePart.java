package dev.godwit.snapshot;

/**
 * A part of a snapshot file that is no page, with its checksum.
 *
 * @param kind what it is
 * @param blockIndex of the block it belongs to, or -1
 * @param name for people: the block's id, the device's name, or what it is
 * @param positionBytes where it starts in the file
 * @param lengthBytes how long it is
 * @param crc32c of its bytes
 */
public record FilePart(Kind kind, int blockIndex, String name, long positionBytes, long lengthBytes, int crc32c) {

    /** What parts there are. */
    public enum Kind {
        /** Stream header, configuration, and the header of the RAM section up to the first block's entry. */
        HEAD,
        /** A block's entry: id, length, mapped-ram header. */
        BLOCK_ENTRY,
        /** A block's bitmap. */
        BITMAP,
        /** What ends the sections of RAM. */
        RAM_END,
        /** A section with header and footer. */
        DEVICE,
        /** The EOF byte. */
        EOF,
        /** The vmdescription with type and length. */
        VMDESCRIPTION
    }

    /** {@return where it ends} */
    public long endBytes() {
        return positionBytes + lengthBytes;
    }
}
