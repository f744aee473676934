package dev.godwit.workload;

import dev.godwit.host.RamOptions;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What a workload machine is.
 *
 * @param layout its RAM, up to 8 TiB in up to 1000 blocks
 * @param readOnlyBlocks the ids of the blocks that are filled once and never written, as a ROM is
 * @param ram what the RAM is made of
 * @param vcpus how many threads write it, 1 to 255
 * @param seed from which the order of the writes and all content follow
 * @param making how pages are made
 * @param selfCheck whether a vCPU checks a page before it writes it
 * @param load what the vCPUs do at first
 * @param uuid who the machine is
 */
public record WorkloadOptions(
        RamLayout layout,
        Set<String> readOnlyBlocks,
        RamOptions ram,
        int vcpus,
        long seed,
        PageMaking making,
        boolean selfCheck,
        WorkloadLoad load,
        Optional<UUID> uuid) {

    /** The most vCPUs. */
    public static final int MAX_VCPUS = 255;

    private static final long MAX_BYTES = 1L << 43;
    private static final int MAX_BLOCKS = 1000;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is out of range, or a read-only block is not in the layout
     */
    public WorkloadOptions {
        readOnlyBlocks = Set.copyOf(readOnlyBlocks);
        if (layout.totalBytes() > MAX_BYTES || layout.blocks().size() > MAX_BLOCKS) {
            throw new IllegalArgumentException("%d bytes of RAM in %d blocks; there can be up to %d in %d"
                    .formatted(layout.totalBytes(), layout.blocks().size(), MAX_BYTES, MAX_BLOCKS));
        }
        for (String id : readOnlyBlocks) {
            if (layout.indexOf(id) < 0) {
                throw new IllegalArgumentException("the read-only block " + id + " is not one of " + layout);
            }
        }
        if (vcpus < 1 || vcpus > MAX_VCPUS) {
            throw new IllegalArgumentException("vcpus is " + vcpus + "; it has to be 1 to " + MAX_VCPUS);
        }
    }

    /**
     * {@return the usual machine} It has a block {@code ram} of the given length, a read-only {@code rom} of 64 KiB and
     * a {@code vram} of 512 KiB, one vCPU that checks itself, and writes whole random pages of all its RAM in random
     * order as fast as it can.
     */
    public static WorkloadOptions ofRam(long ramBytes) {
        RamLayout layout = new RamLayout(List.of(
                new RamBlock("ram", ramBytes),
                new RamBlock("rom", 16 * Page.SIZE_BYTES),
                new RamBlock("vram", 128 * Page.SIZE_BYTES)));
        WorkloadLoad load = WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, WorkloadPattern.RANDOM);
        return new WorkloadOptions(
                layout, Set.of("rom"), RamOptions.DEFAULT, 1, 1, PageMaking.RANDOM_PAGES, true, load, Optional.empty());
    }

    /** {@return the same on RAM of another make} */
    public WorkloadOptions withRam(RamOptions options) {
        return new WorkloadOptions(layout, readOnlyBlocks, options, vcpus, seed, making, selfCheck, load, uuid);
    }

    /** {@return the same with so many vCPUs} */
    public WorkloadOptions withVcpus(int number) {
        return new WorkloadOptions(layout, readOnlyBlocks, ram, number, seed, making, selfCheck, load, uuid);
    }

    /** {@return the same from another seed} */
    public WorkloadOptions withSeed(long number) {
        return new WorkloadOptions(layout, readOnlyBlocks, ram, vcpus, number, making, selfCheck, load, uuid);
    }

    /** {@return the same with pages made otherwise} */
    public WorkloadOptions withMaking(PageMaking pages) {
        return new WorkloadOptions(layout, readOnlyBlocks, ram, vcpus, seed, pages, selfCheck, load, uuid);
    }

    /** {@return the same with or without checks by the vCPUs} */
    public WorkloadOptions withSelfCheck(boolean on) {
        return new WorkloadOptions(layout, readOnlyBlocks, ram, vcpus, seed, making, on, load, uuid);
    }

    /** {@return the same under another load} */
    public WorkloadOptions withLoad(WorkloadLoad first) {
        return new WorkloadOptions(layout, readOnlyBlocks, ram, vcpus, seed, making, selfCheck, first, uuid);
    }

    /** {@return the same machine with an identity} */
    public WorkloadOptions withUuid(UUID identity) {
        return new WorkloadOptions(
                layout, readOnlyBlocks, ram, vcpus, seed, making, selfCheck, load, Optional.of(identity));
    }
}
