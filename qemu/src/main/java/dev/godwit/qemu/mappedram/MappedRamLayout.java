package dev.godwit.qemu.mappedram;

import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the blocks of a mapped-ram file lie, in file order.
 *
 * @param blocks the blocks with their places
 */
public record MappedRamLayout(List<MappedRamBlock> blocks) {

    /** Pages start at a multiple of this, as QEMU has it for direct I/O. */
    public static final long PAGES_ALIGNMENT_BYTES = 1 << 20;

    /** Copies the list. */
    public MappedRamLayout {
        blocks = List.copyOf(blocks);
    }

    /**
     * Gives every block its place, as QEMU does.
     *
     * @param firstEntryBytes where the first block's entry starts, from the start of the file
     * @param reserveBytes by how much that may still move up, without moving any page
     * @param ram the blocks
     */
    public static MappedRamLayout plan(long firstEntryBytes, long reserveBytes, RamLayout ram) {
        List<MappedRamBlock> blocks = new ArrayList<>();
        long at = firstEntryBytes;
        long reserve = reserveBytes;
        for (RamBlock block : ram.blocks()) {
            long bitmap = at + MappedRamBlock.entryLengthBytes(block.id().getBytes(StandardCharsets.UTF_8).length);
            long bitmapEnd = bitmap + MappedRamBlock.bitmapLengthBytes(block.lengthBytes());
            long pages = align(bitmapEnd + reserve);
            MappedRamBlock placed = new MappedRamBlock(block, at, new MappedRamHeader(bitmap, pages));
            blocks.add(placed);
            at = placed.pagesEndBytes();
            reserve = 0;
        }
        return new MappedRamLayout(blocks);
    }

    /** {@return the same with the first entry elsewhere, before the first pages} */
    public MappedRamLayout withFirstEntryAt(long positionBytes) {
        List<MappedRamBlock> moved = new ArrayList<>(blocks);
        MappedRamBlock first = blocks.getFirst();
        moved.set(
                0,
                new MappedRamBlock(
                        first.block(),
                        positionBytes,
                        new MappedRamHeader(
                                positionBytes + first.entryLengthBytes(),
                                first.header().pagesOffsetBytes())));
        return new MappedRamLayout(moved);
    }

    /** {@return where the last area of pages ends, and the EOS of the block list stands} */
    public long endBytes() {
        return blocks.getLast().pagesEndBytes();
    }

    /** {@return the blocks without their places} */
    public RamLayout ram() {
        return new RamLayout(blocks.stream().map(MappedRamBlock::block).toList());
    }

    private static long align(long positionBytes) {
        return (positionBytes + PAGES_ALIGNMENT_BYTES - 1) & -PAGES_ALIGNMENT_BYTES;
    }
}
