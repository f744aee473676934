package dev.godwit.qemu.multifd;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** RAM in arrays, for tests. */
final class MemorySink implements RamSink {

    private List<RamBlock> blocks = List.of();
    private byte[][] memory = {};

    @Override
    public void begin(RamLayout layout) {
        blocks = layout.blocks();
        memory = blocks.stream()
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
                MemorySegment.copy(MemorySegment.ofArray(memory[block]), offset, target, 0, 4096);
            }

            @Override
            public void flush() {}
        };
    }

    MemorySegment memory(int block) {
        return MemorySegment.ofArray(memory[block]);
    }

    byte firstByte(int block, int offset) {
        return memory[block][offset];
    }

    Map<String, String> hashes() throws Exception {
        Map<String, String> hashes = new LinkedHashMap<>();
        for (int i = 0; i < memory.length; i++) {
            hashes.put(
                    blocks.get(i).id(),
                    HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(memory[i])));
        }
        return hashes;
    }
}
