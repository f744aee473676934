package dev.godwit.qemu.multifd;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads as much of a captured main stream as a test of its channels needs: RAM, up to the end of its last section. */
final class MainStream {

    private final ByteBuffer in;
    private final MemorySink sink;
    private final MultifdReceiver receiver;
    private final boolean syncAtEverySection;
    private final PageLane lane;
    private RamLayout layout = new RamLayout(List.of());
    private int block;

    MainStream(byte[] bytes, MemorySink sink, MultifdReceiver receiver, boolean syncAtEverySection) {
        this.in = ByteBuffer.wrap(bytes);
        this.sink = sink;
        this.receiver = receiver;
        this.syncAtEverySection = syncAtEverySection;
        this.lane = sink.lane();
    }

    void read() throws IOException {
        in.position(9);
        in.position(in.getInt() + in.position());
        while (true) {
            switch (in.get()) {
                case 1 -> {
                    in.position(in.position() + 4);
                    string();
                    in.position(in.position() + 8);
                    records();
                }
                case 2 -> {
                    in.getInt();
                    records();
                }
                case 3 -> {
                    in.getInt();
                    records();
                    return;
                }
                case 8 -> {
                    in.getShort();
                    in.position(in.getShort() + in.position());
                }
                default -> throw new AssertionError("at " + in.position());
            }
        }
    }

    private String string() {
        byte[] bytes = new byte[in.get() & 0xff];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private void records() throws IOException {
        while (true) {
            long word = in.getLong();
            long offset = word & -4096;
            int flags = (int) (word & 4095);
            if ((flags & (0x02 | 0x08)) != 0 && (flags & 0x20) == 0) {
                block = layout.indexOf(string());
            }
            switch (flags & ~0x20) {
                case 0x02 -> {
                    in.get();
                    lane.zeroPages(block, offset, 4096);
                }
                case 0x04 -> blocks(word & -4096);
                case 0x08 -> {
                    lane.pages(block, offset, MemorySegment.ofArray(in.array()).asSlice(in.position(), 4096));
                    in.position(in.position() + 4096);
                }
                case 0x10 -> {
                    if (syncAtEverySection) {
                        receiver.sync();
                    }
                    in.position(in.position() + 5);
                    return;
                }
                case 0x200 -> receiver.sync();
                default -> throw new AssertionError("record %x".formatted(word));
            }
        }
    }

    private void blocks(long totalBytes) throws IOException {
        List<RamBlock> blocks = new ArrayList<>();
        long left = totalBytes;
        while (left > 0) {
            RamBlock next = new RamBlock(string(), in.getLong());
            blocks.add(next);
            left -= next.lengthBytes();
        }
        layout = new RamLayout(blocks);
        sink.begin(layout);
        receiver.begin(layout);
    }
}
