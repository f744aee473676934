package dev.godwit.engine.precopy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScanOrderTest {

    private static final long HUGE = 2 << 20;

    private static RamLayout layout(long... pages) {
        List<RamBlock> blocks = new ArrayList<>();
        for (long count : pages) {
            blocks.add(new RamBlock("block" + blocks.size(), count * 4096));
        }
        return new RamLayout(blocks);
    }

    private static GuestMemory memory(long hostPageBytes, long... pages) {
        RamLayout layout = layout(pages);
        return new GuestMemory(
                layout,
                layout.blocks().stream()
                        .map(block -> Arena.ofAuto().allocate(block.lengthBytes()))
                        .toList(),
                layout.blocks().stream().map(block -> hostPageBytes).toList());
    }

    private static List<String> round(ScanOrder order, DirtyPages dirty, int mostPages) {
        List<String> runs = new ArrayList<>();
        PageRun run = new PageRun();
        while (order.next(dirty, run, mostPages)) {
            runs.add("%d:%d+%d%s"
                    .formatted(run.blockIndex(), run.firstPage(), run.pages(), run.hostPageGoesOn() ? "…" : ""));
            dirty.clear(run.blockIndex(), run.firstPage(), run.pages());
        }
        return runs;
    }

    @Test
    void qemus_order_goes_up_through_the_blocks_in_runs() {
        DirtyPages dirty = DirtyPages.all(layout(5, 3));
        dirty.clear(0, 3, 1);

        assertThat(round(new LinearScan(memory(4096, 5, 3)), dirty, 2))
                .containsExactly("0:0+2", "0:2+1", "0:4+1", "1:0+2", "1:2+1");
    }

    @Test
    void it_goes_on_where_it_was_and_wraps_once_a_round() {
        DirtyPages dirty = DirtyPages.none(layout(5));
        LinearScan order = new LinearScan(memory(4096, 5));
        PageRun run = new PageRun();
        dirty.block(0).set(3);
        assertThat(order.next(dirty, run, 64)).isTrue();
        dirty.clear(0, 3, 1);
        dirty.block(0).set(1);

        assertThat(order.next(dirty, run, 64)).as("page 1 is behind").isFalse();
        assertThat(order.next(dirty, run, 64)).isTrue();
        assertThat(run.firstPage()).isEqualTo(1);
    }

    @Test
    void dirty_pages_of_one_huge_page_follow_each_other_and_a_run_ends_with_it() {
        DirtyPages dirty = DirtyPages.all(layout(1024));
        dirty.clear(0, 100, 50);

        assertThat(round(new LinearScan(memory(HUGE, 1024)), dirty, 64))
                .containsExactly("0:0+100…", "0:150+362", "0:512+512");
    }

    @ParameterizedTest
    @CsvSource({
        "0x401, 95660ed2190899e4b4b1296892394ee222cd0e8d6c20918e548674faf6facf25",
        "0x420, f703429f238cd9c518a1d9cb4dc5ac4e44ed5c6476773ec38f90bda8d6f520fb",
        "0x801, 22d666a8ec103306c5ddef4c29775e1575ada2cfe36b8058c88497826ac6b19e",
        "0x1020, d89f9a6c9b9eeb0c9c9b2e6b211a1d5df96d6ee573a1486b7012a89eeaa9400d",
        "0x2000, e6072988e4cde30f30c66a2a9c65b2ac44027b1c01628e66a68b2ad02bc2847a",
        "0x8020, 82d14ed1e379f76a06e14a8da174f234ab17a9a8f3f2b8d7d99d44e5fb82252a",
        "0x20020, d985de03b29d45b3c7b2f3eb54df0938f0e25d3b2d664c5ed9eb0c129f29a9d7",
        "0x40000, ee16ded636e7a94751f566d51552f6395c090ceae1ebbe5e906b18c8eb6b8b02",
        "0x400020, 75292ede0ca89b937b34440d1908d666e05ef8eb0a67cf99096ebc2ac90c9329",
        "0x100021, d03d5f4aea5c78707bd337da36ca9c3fd678c1762a58bbfcdb71a02b078e78e9"
    })
    void xens_order_is_the_one_that_its_program_had(String pages, String sha256) throws Exception {
        int count = Integer.decode(pages);
        PermutedScan order = new PermutedScan(layout(count));
        ByteBuffer sequence = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int position = 0; position < count; position++) {
            sequence.putInt((int) order.pageAt(position));
        }

        assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(sequence.array())))
                .isEqualTo(sha256);
    }

    @Test
    void xens_order_visits_every_dirty_page_of_every_block_once() {
        DirtyPages dirty = DirtyPages.all(layout(700, 1, 600));

        assertThat(round(new PermutedScan(layout(700, 1, 600)), dirty, 64))
                .hasSize(1301)
                .doesNotHaveDuplicates()
                .contains("1:0+1");
        assertThat(dirty.pages()).isZero();
    }
}
