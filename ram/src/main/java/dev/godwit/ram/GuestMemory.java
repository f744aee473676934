package dev.godwit.ram;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The RAM of a machine as it stands in this process: one segment a block. It does not own the memory; whoever mapped it
 * keeps it mapped for as long as the machine lives.
 *
 * <p>A page that may be missing, or write-protected with a handler, is touched by system calls and downcalls only: a
 * Java thread that waits for a page inside a {@link MemorySegment} access holds up every safepoint, and so the handler
 * too.
 *
 * @param layout the blocks
 * @param blocks the memory of each block, as long as the block
 * @param hostPageBytes the size of the host's pages under each block: 4096, or that of its huge pages
 */
public record GuestMemory(RamLayout layout, List<MemorySegment> blocks, List<Long> hostPageBytes) {

    /**
     * Checks that lists and lengths agree.
     *
     * @throws IllegalArgumentException if they do not, or a host page is no power of two of at least a page
     */
    public GuestMemory {
        blocks = List.copyOf(blocks);
        hostPageBytes = List.copyOf(hostPageBytes);
        if (blocks.size() != layout.blocks().size() || hostPageBytes.size() != blocks.size()) {
            throw new IllegalArgumentException("blocks=%d, segments=%d, hostPageBytes=%d"
                    .formatted(layout.blocks().size(), blocks.size(), hostPageBytes.size()));
        }
        for (int block = 0; block < blocks.size(); block++) {
            if (blocks.get(block).byteSize() != layout.block(block).lengthBytes()) {
                throw new IllegalArgumentException("%s, memory of %d bytes"
                        .formatted(layout.block(block), blocks.get(block).byteSize()));
            }
            long pageBytes = hostPageBytes.get(block);
            if (pageBytes < Page.SIZE_BYTES || Long.bitCount(pageBytes) != 1) {
                throw new IllegalArgumentException("hostPageBytes=" + pageBytes);
            }
        }
    }

    /** {@return the memory of a block} */
    public MemorySegment block(int blockIndex) {
        return blocks.get(blockIndex);
    }

    /** {@return the host's address of a place in a block} */
    public long hostAddress(int blockIndex, long offsetBytes) {
        return blocks.get(blockIndex).address() + offsetBytes;
    }
}
