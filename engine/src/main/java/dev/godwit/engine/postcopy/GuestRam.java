package dev.godwit.engine.postcopy;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The memory of a machine that stands still, to be read like that of a snapshot. Every page counts as present. */
public final class GuestRam implements RamSource {

    private final GuestMemory memory;
    private final List<PageBitmap> present = new ArrayList<>();

    /**
     * A machine's memory.
     *
     * @param memory must not be one that faults on userfaultfd
     */
    public GuestRam(GuestMemory memory) {
        this.memory = memory;
        for (RamBlock block : memory.layout().blocks()) {
            PageBitmap all = new PageBitmap(block.pages());
            all.setAll();
            present.add(all);
        }
    }

    @Override
    public RamLayout layout() {
        return memory.layout();
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return present.get(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        MemorySegment.copy(memory.block(blockIndex), offsetBytes, target, 0, target.byteSize());
    }
}
