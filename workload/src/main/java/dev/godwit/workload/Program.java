package dev.godwit.workload;

import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What the vCPUs do, and how far they are: one stretch after the other, each with its load. Immutable but for the steps
 * of the last stretch; a change of the load makes another program.
 *
 * @param layout the RAM
 * @param readOnlyBlocks the blocks that are filled once and never written
 * @param seed from which all that looks random is taken
 * @param making how pages are made
 * @param vcpus how many vCPUs there are
 * @param epochs the stretches, the one under way last
 */
record Program(
        RamLayout layout, Set<String> readOnlyBlocks, long seed, PageMaking making, int vcpus, List<Epoch> epochs) {

    /** So many changes of the load are kept: each makes the generation of a page dearer to compute. */
    static final int MAX_EPOCHS = 64;

    static Program of(WorkloadOptions options) {
        Program empty = new Program(
                options.layout(),
                options.readOnlyBlocks(),
                options.seed(),
                options.making(),
                options.vcpus(),
                List.of());
        return empty.withEpochs(List.of(empty.epoch(0, options.load())));
    }

    /** {@return a stretch of this program at its beginning} */
    Epoch epoch(int index, WorkloadLoad load) {
        return new Epoch(layout, readOnlyBlocks, load, vcpus, Mixing.mix(seed, index));
    }

    Program withEpochs(List<Epoch> stretches) {
        return new Program(layout, readOnlyBlocks, seed, making, vcpus, List.copyOf(stretches));
    }

    /**
     * {@return the program that goes on from here with another load}
     *
     * @throws IllegalArgumentException if the load does not fit the RAM
     * @throws IllegalStateException if it was changed too often
     */
    Program then(WorkloadLoad load) {
        List<Epoch> stretches = new ArrayList<>(epochs);
        if (current().isUntouched()) {
            stretches.removeLast();
        }
        if (stretches.size() == MAX_EPOCHS) {
            throw new IllegalStateException(
                    "the order of the writes was changed %d times already; only the rate can still be changed"
                            .formatted(MAX_EPOCHS - 1));
        }
        stretches.add(epoch(stretches.size(), load));
        return withEpochs(stretches);
    }

    /** {@return the stretch that is under way} */
    Epoch current() {
        return epochs.getLast();
    }

    /** {@return how often a page was written before the stretch that is under way} */
    long writesBefore(int blockIndex, long page) {
        long writes = 0;
        for (int index = 0; index < epochs.size() - 1; index++) {
            writes += epochs.get(index).writesOf(blockIndex, page);
        }
        return writes;
    }

    /** {@return how often a page was written, while the vCPUs stand still} */
    long generation(int blockIndex, long page) {
        return writesBefore(blockIndex, page) + current().writesOf(blockIndex, page);
    }
}
