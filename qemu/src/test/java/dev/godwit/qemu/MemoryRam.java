package dev.godwit.qemu;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import dev.godwit.ram.ZeroPages;
import java.lang.foreign.MemorySegment;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** RAM in arrays, for tests: received into, and sent from. */
public final class MemoryRam implements RamSink, RamSource {

    private RamLayout layout = new RamLayout(List.of());
    private byte[][] memory = {};

    @Override
    public void begin(RamLayout blocks) {
        layout = blocks;
        memory = blocks.blocks().stream()
                .map(block -> new byte[Math.toIntExact(block.lengthBytes())])
                .toArray(byte[][]::new);
    }

    @Override
    public PageLane lane() {
        return new PageLane() {
            @Override
            public void pages(int block, long offset, MemorySegment content) {
                MemorySegment.copy(content, 0, MemorySegment.ofArray(memory[block]), offset, content.byteSize());
            }

            @Override
            public void zeroPages(int block, long offset, long length) {
                MemorySegment.ofArray(memory[block]).asSlice(offset, length).fill((byte) 0);
            }

            @Override
            public void read(int block, long offset, MemorySegment target) {
                MemoryRam.this.read(block, offset, target.asSlice(0, Page.SIZE_BYTES));
            }

            @Override
            public void flush() {}
        };
    }

    @Override
    public RamLayout layout() {
        return layout;
    }

    @Override
    public PageBitmap present(int block) {
        PageBitmap present = new PageBitmap(layout.block(block).pages());
        MemorySegment content = MemorySegment.ofArray(memory[block]);
        for (long page = 0; page < present.pages(); page++) {
            if (!ZeroPages.isZero(content, page * Page.SIZE_BYTES)) {
                present.set(page);
            }
        }
        return present;
    }

    @Override
    public void read(int block, long offset, MemorySegment target) {
        MemorySegment.copy(MemorySegment.ofArray(memory[block]), offset, target, 0, target.byteSize());
    }

    /** The content of a block. */
    public MemorySegment memory(int block) {
        return MemorySegment.ofArray(memory[block]);
    }

    /** The byte of a block at an offset. */
    public byte byteAt(int block, int offset) {
        return memory[block][offset];
    }

    /** The SHA-256 of each block by its id, as the manifest of the captures has it. */
    public Map<String, String> hashes() {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (int i = 0; i < memory.length; i++) {
            hashes.put(layout.block(i).id(), sha256(memory[i]));
        }
        return hashes;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }
}
