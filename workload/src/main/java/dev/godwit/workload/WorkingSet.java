package dev.godwit.workload;

import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.Set;

/** The pages that are written: the first ones of each writable block, in proportion to its length. Immutable. */
final class WorkingSet {

    private final long pages;
    /** Where each block's part begins among the pages of the working set, and at last where the last part ends. */
    private final long[] starts;

    /**
     * The working set of a load.
     *
     * @throws IllegalArgumentException if there is not a page for each vCPU, or more is asked for than is writable
     */
    WorkingSet(RamLayout layout, Set<String> readOnlyBlocks, WorkloadLoad load, int vcpus) {
        int blocks = layout.blocks().size();
        long[] writable = new long[blocks + 1];
        for (int block = 0; block < blocks; block++) {
            RamBlock ram = layout.block(block);
            writable[block + 1] = writable[block] + (readOnlyBlocks.contains(ram.id()) ? 0 : ram.pages());
        }
        long all = writable[blocks];
        pages = load.workingSetBytes() == WorkloadLoad.ALL ? all : load.workingSetBytes() / Page.SIZE_BYTES;
        if (pages < vcpus || pages > all) {
            throw new IllegalArgumentException(
                    "the working set has %d pages; %d vCPUs on %d writable pages can have from %d to %d"
                            .formatted(pages, vcpus, all, vcpus, all));
        }
        starts = new long[blocks + 1];
        for (int block = 0; block <= blocks; block++) {
            starts[block] = Math.multiplyExact(pages, writable[block]) / all;
        }
    }

    /** {@return how many pages there are} */
    long pages() {
        return pages;
    }

    /** {@return the block in which a page of the working set lies} */
    int blockOf(long index) {
        int block = 0;
        while (index >= starts[block + 1]) {
            block++;
        }
        return block;
    }

    /** {@return the page's number in its block} */
    long pageOf(long index, int block) {
        return index - starts[block];
    }

    /** {@return the number in the working set of a block's page, or -1 where it is never written} */
    long indexOf(int block, long page) {
        long index = starts[block] + page;
        return index < starts[block + 1] ? index : -1;
    }
}
