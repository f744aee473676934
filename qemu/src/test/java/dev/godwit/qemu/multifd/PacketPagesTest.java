package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** In which order, and in how many pieces, the pages of a packet reach a lane. */
class PacketPagesTest {

    private final List<String> calls = new ArrayList<>();

    /** Notes each call; a page is known by its first byte, which is its place in the packet. */
    private final PageLane lane = new PageLane() {
        @Override
        public void pages(int blockIndex, long offsetBytes, MemorySegment content) {
            StringBuilder pages = new StringBuilder();
            for (long at = 0; at < content.byteSize(); at += Page.SIZE_BYTES) {
                pages.append(' ').append(content.get(ValueLayout.JAVA_BYTE, at));
            }
            calls.add("%d at %d:%s".formatted(blockIndex, offsetBytes / Page.SIZE_BYTES, pages));
        }

        @Override
        public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) {
            calls.add("%d zero at %d, %d pages"
                    .formatted(blockIndex, offsetBytes / Page.SIZE_BYTES, lengthBytes / Page.SIZE_BYTES));
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) {
            throw new AssertionError();
        }

        @Override
        public void flush() {}
    };

    private void handOver(int normalPages, long... pages) throws IOException {
        long[] offsets = new long[pages.length];
        byte[] contents = new byte[normalPages * Page.SIZE_BYTES];
        for (int i = 0; i < pages.length; i++) {
            offsets[i] = pages[i] * Page.SIZE_BYTES;
            if (i < normalPages) {
                contents[i * Page.SIZE_BYTES] = (byte) i;
            }
        }
        MultifdPacket packet = new MultifdPacket(0, MultifdPacket.MAX_PAGES, 0, 1, "pc.ram", normalPages, offsets);
        PacketPages packetPages = new PacketPages();
        packetPages.contents(packet, lane, 7, MemorySegment.ofArray(contents));
        packetPages.zeros(packet, lane, 7);
    }

    @Test
    void consecutive_pages_go_as_one_run() throws IOException {
        handOver(4, 10, 11, 12, 20, 30, 31);
        assertThat(calls).containsExactly("7 at 10: 0 1 2", "7 at 20: 3", "7 zero at 30, 2 pages");
    }

    @Test
    void pages_that_an_exchange_with_zero_pages_has_turned_around_go_in_the_order_of_memory() throws IOException {
        handOver(4, 10, 9, 8, 7, 6, 4, 5);
        assertThat(calls).containsExactly("7 at 7: 3", "7 at 8: 2", "7 at 9: 1", "7 at 10: 0", "7 zero at 4, 3 pages");
    }

    @Test
    void the_later_copy_of_a_page_goes_later() throws IOException {
        handOver(5, 10, 11, 9, 10, 11, 10);
        assertThat(calls)
                .containsExactly(
                        "7 at 9: 2", "7 at 10: 0", "7 at 10: 3", "7 at 11: 1", "7 at 11: 4", "7 zero at 10, 1 pages");
    }

    @Test
    void memory_is_opened_in_the_order_in_which_the_pages_come() {
        long[] offsets = {8 * 4096, 9 * 4096, 4 * 4096, 5 * 4096, 6 * 4096, 20 * 4096};
        MultifdPacket packet = new MultifdPacket(0, MultifdPacket.MAX_PAGES, 0, 1, "pc.ram", 5, offsets);
        ByteBuffer[] targets = new ByteBuffer[PageLane.Places.MOST + 1];
        // As if a view reached no further than page 5.
        PageLane.Places places = new PageLane.Places() {
            @Override
            public ByteBuffer open(int index, int blockIndex, long offsetBytes, int lengthBytes) {
                calls.add("%d: %d at %d".formatted(index, blockIndex, offsetBytes / Page.SIZE_BYTES));
                return ByteBuffer.allocate(lengthBytes);
            }

            @Override
            public long bytesInOneView(long offsetBytes, long lengthBytes) {
                return offsetBytes < 6 * 4096 ? Math.min(lengthBytes, 6 * 4096 - offsetBytes) : lengthBytes;
            }
        };
        assertThat(PacketPages.open(packet, places, 7, targets)).isEqualTo(3);
        assertThat(calls).containsExactly("0: 7 at 8", "1: 7 at 4", "2: 7 at 6");
        assertThat(Arrays.stream(targets).limit(3).map(ByteBuffer::remaining)).containsExactly(8192, 8192, 4096);
    }

    @Test
    void the_last_page_of_a_packet_and_the_highest_offset_are_handed_over() throws IOException {
        long last = Long.MAX_VALUE / Page.SIZE_BYTES;
        long[] pages = new long[MultifdPacket.MAX_PAGES];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = last - i;
        }
        handOver(pages.length, pages);
        assertThat(calls).hasSize(MultifdPacket.MAX_PAGES).startsWith("7 at %d: 127".formatted(last - 127));
    }
}
