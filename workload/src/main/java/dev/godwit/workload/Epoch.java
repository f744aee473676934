package dev.godwit.workload;

import dev.godwit.ram.RamLayout;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A stretch of the program with one load: how many steps each vCPU made in it, and so which pages it wrote. Pages of
 * the working set belong to the vCPUs in turn; each has its own count of steps, which only it raises, and which others
 * read while it is parked.
 */
final class Epoch {

    /** Between the counts of two vCPUs, so that they do not share a cache line. */
    private static final int SPREAD = 16;

    private final WorkloadLoad load;
    private final WorkingSet workingSet;
    private final VcpuSequence[] sequences;
    private final AtomicLongArray steps;

    /**
     * A stretch in which no step was made yet.
     *
     * @param key which of the possible orders
     * @throws IllegalArgumentException if the load does not fit the RAM
     */
    Epoch(RamLayout layout, Set<String> readOnlyBlocks, WorkloadLoad load, int vcpus, long key) {
        this.load = load;
        this.workingSet = new WorkingSet(layout, readOnlyBlocks, load, vcpus);
        this.sequences = new VcpuSequence[vcpus];
        this.steps = new AtomicLongArray(vcpus * SPREAD);
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            long pages = (workingSet.pages() - vcpu + vcpus - 1) / vcpus;
            sequences[vcpu] = new VcpuSequence(load, pages, Mixing.mix(key, vcpu));
        }
    }

    WorkloadLoad load() {
        return load;
    }

    WorkingSet workingSet() {
        return workingSet;
    }

    long steps(int vcpu) {
        return steps.getOpaque(vcpu * SPREAD);
    }

    void setSteps(int vcpu, long count) {
        steps.setOpaque(vcpu * SPREAD, count);
    }

    /** {@return whether no vCPU made a step} */
    boolean isUntouched() {
        for (int vcpu = 0; vcpu < sequences.length; vcpu++) {
            if (steps(vcpu) != 0) {
                return false;
            }
        }
        return true;
    }

    /** {@return the working set's page that a vCPU writes at a step} */
    long indexAt(int vcpu, long step) {
        return sequences[vcpu].pageAt(step) * sequences.length + vcpu;
    }

    /** {@return how often the page of a step was written in this stretch before it} */
    long earlierWrites(int vcpu, long step) {
        return sequences[vcpu].earlierWrites(step);
    }

    /** {@return how often a page was written in this stretch} */
    long writesOf(int blockIndex, long page) {
        long index = workingSet.indexOf(blockIndex, page);
        if (index < 0) {
            return 0;
        }
        int vcpu = (int) (index % sequences.length);
        return sequences[vcpu].writesOf(index / sequences.length, steps(vcpu));
    }
}
