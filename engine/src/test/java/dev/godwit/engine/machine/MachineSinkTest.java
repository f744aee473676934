package dev.godwit.engine.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Memory that is said to be untouched, and is not zero: what is looked at or written there shows. */
class MachineSinkTest {

    private static final int PAGE_BYTES = 4096;
    private static final long EXTENT_BYTES = MemoryAhead.EXTENT_BYTES;
    private static final byte FILL = 0x55;

    private static final RamLayout LAYOUT = new RamLayout(
            List.of(new RamBlock("ram", 2 * EXTENT_BYTES), new RamBlock("vram", EXTENT_BYTES + 3 * PAGE_BYTES)));
    private static final RamLayout OF_SOURCE = new RamLayout(List.of(LAYOUT.block(1), LAYOUT.block(0)));

    /** Nobody has touched the second extents. */
    private static final MemoryAhead SECOND_UNTOUCHED = new MemoryAhead() {

        @Override
        public void soon(int blockIndex, long extent) {}

        @Override
        public void now(int blockIndex, long offsetBytes) {}

        @Override
        public boolean wasUntouched(int blockIndex, long extent) {
            return extent == 1;
        }

        @Override
        public void close() {}
    };

    private final GuestMemory memory = new GuestMemory(
            LAYOUT, List.of(filled(LAYOUT.block(0)), filled(LAYOUT.block(1))), List.of((long) PAGE_BYTES, (long)
                    PAGE_BYTES));

    private static MemorySegment filled(RamBlock block) {
        byte[] bytes = new byte[(int) block.lengthBytes()];
        Arrays.fill(bytes, FILL);
        return MemorySegment.ofArray(bytes);
    }

    private PageLane lane(MemoryAhead ahead) throws IOException {
        MachineSink sink = new MachineSink(memory, ahead);
        sink.begin(OF_SOURCE);
        return sink.lane();
    }

    private void assertHolds(int block, long offsetBytes, long lengthBytes, int value) {
        MemorySegment found = memory.block(block).asSlice(offsetBytes, lengthBytes);
        byte[] expected = new byte[(int) lengthBytes];
        Arrays.fill(expected, (byte) value);
        assertThat(found.mismatch(MemorySegment.ofArray(expected)))
                .as("block %d from 0x%x", block, offsetBytes)
                .isEqualTo(-1);
    }

    @Test
    void zero_pages_are_not_written_where_nobody_has_touched_the_memory() throws IOException {
        PageLane lane = lane(SECOND_UNTOUCHED);
        lane.zeroPages(1, 0, 2 * EXTENT_BYTES); // the machine's first block
        lane.zeroPages(0, 0, EXTENT_BYTES + 3 * PAGE_BYTES);
        for (int block = 0; block < 2; block++) {
            assertHolds(block, 0, EXTENT_BYTES, 0);
            assertHolds(block, EXTENT_BYTES, LAYOUT.block(block).lengthBytes() - EXTENT_BYTES, FILL);
        }
    }

    @Test
    void zero_pages_are_written_where_pages_with_content_came_before() throws IOException {
        PageLane lane = lane(SECOND_UNTOUCHED);
        MemorySegment content = MemorySegment.ofArray(new byte[3 * PAGE_BYTES]).fill((byte) 7);
        lane.pages(0, EXTENT_BYTES - PAGE_BYTES, content);
        lane.zeroPages(0, EXTENT_BYTES, PAGE_BYTES);
        lane.zeroPages(0, EXTENT_BYTES + 2 * PAGE_BYTES, PAGE_BYTES);
        assertHolds(1, 0, EXTENT_BYTES - PAGE_BYTES, FILL);
        assertHolds(1, EXTENT_BYTES - PAGE_BYTES, PAGE_BYTES, 7);
        assertHolds(1, EXTENT_BYTES, PAGE_BYTES, 0);
        assertHolds(1, EXTENT_BYTES + PAGE_BYTES, PAGE_BYTES, 7);
        assertHolds(1, EXTENT_BYTES + 2 * PAGE_BYTES, PAGE_BYTES, FILL);
    }

    @Test
    void lanes_know_of_each_other_what_they_have_written() throws IOException {
        MachineSink sink = new MachineSink(memory, SECOND_UNTOUCHED);
        sink.begin(OF_SOURCE);
        sink.lane()
                .pages(
                        1,
                        EXTENT_BYTES,
                        MemorySegment.ofArray(new byte[PAGE_BYTES]).fill((byte) 7));
        sink.lane().zeroPages(1, EXTENT_BYTES, 2 * PAGE_BYTES);
        assertHolds(0, EXTENT_BYTES, PAGE_BYTES, 0);
        assertHolds(0, EXTENT_BYTES + PAGE_BYTES, PAGE_BYTES, FILL);
    }

    @Test
    void without_that_knowledge_every_zero_page_counts() throws IOException {
        lane(MemoryAhead.NONE).zeroPages(1, 0, 2 * EXTENT_BYTES);
        assertHolds(0, 0, 2 * EXTENT_BYTES, 0);
    }
}
