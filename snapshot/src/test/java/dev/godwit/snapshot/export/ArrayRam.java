package dev.godwit.snapshot.export;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** RAM of which only a few pages have content, each filled with one byte. */
final class ArrayRam implements RamSource {

    private final RamLayout layout;
    private final List<PageBitmap> present;
    private final Map<String, Byte> content = new TreeMap<>();

    ArrayRam(RamBlock... blocks) {
        layout = new RamLayout(List.of(blocks));
        present = layout.blocks().stream()
                .map(block -> new PageBitmap(block.pages()))
                .toList();
    }

    /** Makes a page present; filled with 0 it is a zero page that is present all the same. */
    ArrayRam fill(int block, long page, int value) {
        present.get(block).set(page);
        content.put(block + "/" + page, (byte) value);
        return this;
    }

    @Override
    public RamLayout layout() {
        return layout;
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return present.get(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) {
        for (long at = 0; at < target.byteSize(); at += Page.SIZE_BYTES) {
            byte value = content.getOrDefault(blockIndex + "/" + (offsetBytes + at) / Page.SIZE_BYTES, (byte) 0);
            target.asSlice(at, Page.SIZE_BYTES).fill(value);
        }
    }
}
