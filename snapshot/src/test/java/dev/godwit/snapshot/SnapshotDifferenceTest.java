package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.Progress;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.SnapshotDifference.BlockDifference;
import dev.godwit.snapshot.SnapshotDifference.PageRange;
import dev.godwit.snapshot.SnapshotDifference.SectionDifference;
import org.junit.jupiter.api.Test;

class SnapshotDifferenceTest {

    private static MemoryRam ram(String second) {
        return new MemoryRam(new RamBlock("ram", 300 * 4096), new RamBlock(second, 4096));
    }

    @Test
    void equal_guests_do_not_differ() throws Exception {
        assertThat(between(ram("rom"), ram("rom"), 10).isEmpty()).isTrue();
    }

    @Test
    void differing_pages_are_told_as_ranges_and_counted_past_the_limit() throws Exception {
        MemoryRam changed = ram("rom");
        for (int page : new int[] {0, 255, 256, 299}) {
            changed.block(0)[page * 4096 + page] = 1;
        }
        assertThat(between(ram("rom"), changed, 10).blocks())
                .singleElement()
                .isEqualTo(new BlockDifference.Content(
                        "ram",
                        300 * 4096,
                        300 * 4096,
                        4,
                        java.util.List.of(
                                new PageRange(0, 4096),
                                new PageRange(255 * 4096, 8192),
                                new PageRange(299 * 4096, 4096))));
        assertThat(((BlockDifference.Content)
                                between(ram("rom"), changed, 1).blocks().getFirst())
                        .ranges())
                .hasSize(1);
    }

    @Test
    void blocks_of_one_guest_only_are_named() throws Exception {
        assertThat(between(ram("rom"), ram("vga"), 10).blocks())
                .containsExactly(new BlockDifference.OnlyInFirst("rom"), new BlockDifference.OnlyInSecond("vga"));
    }

    @Test
    void sections_are_matched_by_name() throws Exception {
        SnapshotDifference difference = SnapshotDifference.between(
                ram("rom"),
                MemoryRam.state((byte) 1, (byte) 2, (byte) 3),
                ram("rom"),
                MemoryRam.state((byte) 1, (byte) 9),
                10,
                Progress.NONE);
        assertThat(difference.sections()).extracting(SectionDifference::name).containsExactly("device1", "device2");
        assertThat(difference.sections().get(0)).isInstanceOf(SectionDifference.Changed.class);
        assertThat(difference.sections().get(1)).isInstanceOf(SectionDifference.OnlyInFirst.class);
    }

    @Test
    void duplicates_are_pages_with_the_content_of_an_earlier_one() throws Exception {
        MemoryRam ram = ram("rom");
        ram.block(0)[5] = 1;
        ram.block(0)[100 * 4096 + 5] = 1;
        ram.block(0)[200 * 4096 + 5] = 2;
        ram.block(1)[5] = 1;
        assertThat(PageCensus.of(ram, Progress.NONE))
                .extracting(PageCensus.BlockPages::duplicatePages)
                .containsExactly(1L, 1L);
    }

    private static SnapshotDifference between(MemoryRam first, MemoryRam second, int maxRanges) throws Exception {
        return SnapshotDifference.between(
                first, MemoryRam.state((byte) 1), second, MemoryRam.state((byte) 1), maxRanges, Progress.NONE);
    }
}
