package dev.godwit.ram;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The RAM blocks of one machine, in the order of its block list. Immutable. */
public final class RamLayout {

    private final List<RamBlock> blocks;
    private final Map<String, Integer> indexById = new HashMap<>();
    private final long totalBytes;

    /**
     * A layout of the given blocks.
     *
     * @throws IllegalArgumentException if two blocks have one id, or the total is more than
     *     {@link RamBlock#MAX_LENGTH_BYTES}
     */
    public RamLayout(List<RamBlock> blocks) {
        this.blocks = List.copyOf(blocks);
        long total = 0;
        for (RamBlock block : this.blocks) {
            if (indexById.put(block.id(), indexById.size()) != null) {
                throw new IllegalArgumentException("two RAM blocks have one id: id=" + block.id());
            }
            total += block.lengthBytes();
            if (total > RamBlock.MAX_LENGTH_BYTES) {
                throw new IllegalArgumentException("the RAM blocks together are longer than "
                        + RamBlock.MAX_LENGTH_BYTES + " bytes: up to id=" + block.id());
            }
        }
        this.totalBytes = total;
    }

    /** {@return the blocks, in order} */
    public List<RamBlock> blocks() {
        return blocks;
    }

    /** {@return the block at an index of {@link #blocks()}} */
    public RamBlock block(int index) {
        return blocks.get(index);
    }

    /** {@return the index of the block with this id, or -1 where there is none} */
    public int indexOf(String id) {
        return indexById.getOrDefault(id, -1);
    }

    /** {@return the length of all blocks together, in bytes} */
    public long totalBytes() {
        return totalBytes;
    }

    @Override
    public String toString() {
        return blocks.toString();
    }
}
