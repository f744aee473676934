package dev.godwit.qemu.mappedram;

import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Where a block's parts lie in a mapped-ram file; all positions are from the start of the file.
 *
 * @param block id and length
 * @param entryOffsetBytes where the block's entry starts: counted string id, u64 length, {@link MappedRamHeader}
 * @param header where bitmap and pages start
 */
public record MappedRamBlock(RamBlock block, long entryOffsetBytes, MappedRamHeader header) {

    /** {@return the length of an entry whose id has that many bytes, the mapped-ram header included} */
    static int entryLengthBytes(int idBytes) {
        return 1 + idBytes + Long.BYTES + MappedRamHeader.LENGTH_BYTES;
    }

    /** {@return how long the entry is, the mapped-ram header included} */
    public int entryLengthBytes() {
        return entryLengthBytes(block.id().getBytes(StandardCharsets.UTF_8).length);
    }

    /** {@return how long the bitmap is: whole 64-bit words} */
    public long bitmapLengthBytes() {
        return bitmapLengthBytes(block.lengthBytes());
    }

    static long bitmapLengthBytes(long blockLengthBytes) {
        return (blockLengthBytes / Page.SIZE_BYTES + 63) / 64 * 8;
    }

    /** {@return where the bitmap ends} */
    public long bitmapEndBytes() {
        return header.bitmapOffsetBytes() + bitmapLengthBytes();
    }

    /** {@return where the area of the pages ends, and the next entry starts} */
    public long pagesEndBytes() {
        return header.pagesOffsetBytes() + block.lengthBytes();
    }

    /** {@return the entry as it stands in the file} */
    public byte[] entry() {
        byte[] id = block.id().getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(entryLengthBytes(id.length));
        bytes.put((byte) id.length).put(id).putLong(block.lengthBytes());
        header.write(bytes);
        return bytes.array();
    }
}
