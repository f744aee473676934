package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.ram.ZeroPages;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** RAM in arrays. */
final class MemoryRam implements RamSource {

    private final RamLayout layout;
    private final List<byte[]> content = new ArrayList<>();

    MemoryRam(RamBlock... blocks) {
        layout = new RamLayout(List.of(blocks));
        for (RamBlock block : blocks) {
            content.add(new byte[(int) block.lengthBytes()]);
        }
    }

    byte[] block(int index) {
        return content.get(index);
    }

    @Override
    public RamLayout layout() {
        return layout;
    }

    @Override
    public PageBitmap present(int blockIndex) {
        PageBitmap present = new PageBitmap(layout.block(blockIndex).pages());
        for (long page = 0; page < present.pages(); page++) {
            if (!ZeroPages.isZero(MemorySegment.ofArray(content.get(blockIndex)), page * Page.SIZE_BYTES)) {
                present.set(page);
            }
        }
        return present;
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        target.copyFrom(MemorySegment.ofArray(content.get(blockIndex)).asSlice(offsetBytes, target.byteSize()));
    }

    /** A state with two devices whose payloads are these. */
    static VmState state(byte... payloads) {
        List<Section> sections = new ArrayList<>();
        for (int i = 0; i < payloads.length; i++) {
            sections.add(
                    new Section(SectionType.FULL, 10 + i, "device" + i, 0, 1, new byte[] {payloads[i], 7, 7}, false));
        }
        return new VmState(
                new Configuration("pc-test", OptionalInt.empty(), List.of(), Optional.empty()),
                3,
                sections,
                Optional.empty());
    }
}
