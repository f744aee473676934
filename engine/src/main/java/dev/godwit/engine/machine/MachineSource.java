package dev.godwit.engine.machine;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/** The memory of a machine that stands still, to be read anywhere. It must not be one that faults on userfaultfd. */
public final class MachineSource implements RamSource {

    private final GuestMemory memory;
    private final List<PageBitmap> present;

    /** A source that reads a machine's memory; every page counts as present. */
    public MachineSource(GuestMemory memory) {
        this.memory = memory;
        this.present = memory.layout().blocks().stream()
                .map(block -> {
                    PageBitmap all = new PageBitmap(block.pages());
                    all.setAll();
                    return all;
                })
                .toList();
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
    public Optional<GuestMemory> inPlace() {
        return Optional.of(memory);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        MemorySegment.copy(memory.block(blockIndex), offsetBytes, target, 0, target.byteSize());
    }
}
