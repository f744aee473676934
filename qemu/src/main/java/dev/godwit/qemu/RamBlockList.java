package dev.godwit.qemu;

import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The block list that opens the START section of RAM, qemu-migration specification section 2.2.
 *
 * @param entries the blocks, in stream order
 */
public record RamBlockList(List<Entry> entries) {

    /** Copies the list. */
    public RamBlockList {
        entries = List.copyOf(entries);
    }

    /** {@return the list of plain blocks: no optional field} */
    public static RamBlockList of(RamLayout layout) {
        return new RamBlockList(layout.blocks().stream()
                .map(block -> new Entry(block, OptionalLong.empty(), OptionalLong.empty()))
                .toList());
    }

    /**
     * {@return the list of blocks of which those on huge pages say so, as postcopy wants it}
     *
     * @param hostPageBytes for each block
     */
    public static RamBlockList of(RamLayout layout, List<Long> hostPageBytes) {
        List<Entry> entries = new ArrayList<>();
        for (int block = 0; block < hostPageBytes.size(); block++) {
            long bytes = hostPageBytes.get(block);
            entries.add(new Entry(
                    layout.block(block),
                    bytes == Page.SIZE_BYTES ? OptionalLong.empty() : OptionalLong.of(bytes),
                    OptionalLong.empty()));
        }
        return new RamBlockList(entries);
    }

    /**
     * {@return the blocks as a layout}
     *
     * @throws IllegalArgumentException if two have one id, or together they are too long
     */
    public RamLayout layout() {
        return new RamLayout(entries.stream().map(Entry::block).toList());
    }

    /**
     * One block.
     *
     * @param block id and length
     * @param pageSizeBytes of its backing, where postcopy is possible and it is not an ordinary page
     * @param gpa where the block lies in guest memory, where {@code x-ignore-shared} is on
     */
    public record Entry(RamBlock block, OptionalLong pageSizeBytes, OptionalLong gpa) {}
}
