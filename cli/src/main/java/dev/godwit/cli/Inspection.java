package dev.godwit.cli;

import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.GlobalState;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.PageCensus.BlockPages;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.util.List;
import java.util.Optional;

/**
 * What {@code godwit inspect} has found, ready to be printed.
 *
 * @param snapshot the opened file
 * @param globalState the run state that the guest was in
 * @param recorded the pages that restores of it asked for first, where they were recorded
 * @param census counts made by reading all pages, one for each block; empty where not asked for
 * @param fields the devices whose fields are to be shown; empty where not asked for
 * @param cpus registers; empty where not asked for
 */
record Inspection(
        Snapshot snapshot,
        Optional<GlobalState> globalState,
        Optional<WorkingSet> recorded,
        Optional<List<BlockPages>> census,
        Optional<List<DeviceFields>> fields,
        Optional<List<X86Cpu>> cpus) {

    /** {@return the counts of a block; without a census what the bitmap says, with no duplicates} */
    BlockPages pages(int blockIndex) {
        if (census.isPresent()) {
            return census.get().get(blockIndex);
        }
        RamBlock block = snapshot.layout().block(blockIndex);
        long present = snapshot.present(blockIndex).setPages();
        return new BlockPages(present, block.pages() - present, 0);
    }

    /** {@return the counts of all blocks together} */
    BlockPages totals() {
        long present = 0;
        long zero = 0;
        long duplicate = 0;
        for (int block = 0; block < snapshot.layout().blocks().size(); block++) {
            BlockPages pages = pages(block);
            present += pages.presentPages();
            zero += pages.zeroPages();
            duplicate += pages.duplicatePages();
        }
        return new BlockPages(present, zero, duplicate);
    }

    /** {@return the kind of the file in words} */
    String kind() {
        return switch (snapshot.kind()) {
            case GODWIT -> "Godwit snapshot (mapped-ram)";
            case MAPPED_RAM -> "QEMU mapped-ram file";
            case QEMU_STREAM -> "QEMU migration stream";
            case XEN_V3 -> "Xen saved domain";
            case XEN_LEGACY -> "Xen saved domain, of before Xen 4.6";
            case XEN_SEED -> "Xen saved domain, of the saver of April 2007";
        };
    }
}
