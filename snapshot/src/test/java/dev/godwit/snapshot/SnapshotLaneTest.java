package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotLaneTest {

    private static final int PAGES = 2000;
    private static final MappedRamLayout PLAN =
            MappedRamLayout.plan(4096, 0, new RamLayout(List.of(new RamBlock("ram", PAGES * 4096L))));

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment page = arena.allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private OpenFile file;
    private PageStore store;
    private SnapshotLane lane;

    @BeforeEach
    void open(@TempDir Path folder) throws IOException {
        file = OpenFile.open(folder.resolve("pages"), OpenFlag.CREATE_NEW);
        file.truncate(PLAN.endBytes());
        PageFile descriptors = PageFile.of(file, folder.resolve("pages"), true);
        store = new PageStore(descriptors, PLAN);
        lane = new SnapshotLane(store, descriptors);
    }

    @AfterEach
    void close() {
        store.file().close();
        file.close();
        arena.close();
    }

    private void content(SnapshotLane by, int at, int value) throws IOException {
        by.pages(0, at * 4096L, page.fill((byte) value));
    }

    private void zero(SnapshotLane by, int at) throws IOException {
        by.zeroPages(0, at * 4096L, 4096);
    }

    /** What the file has in a page's place, whether it is present or not. */
    private int inFile(int at) throws IOException {
        MemorySegment read = arena.allocate(Page.SIZE_BYTES);
        int _ = (int) file.read(PLAN.blocks().getFirst().header().pagesOffsetBytes() + at * 4096L, read);
        byte first = read.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0);
        assertThat(read.mismatch(arena.allocate(Page.SIZE_BYTES).fill(first)))
                .as("page %d is of one piece", at)
                .isEqualTo(-1);
        return first;
    }

    private long allocatedPages() throws IOException {
        return file.status().allocatedBytes() / Page.SIZE_BYTES;
    }

    @Test
    void a_short_gap_of_zero_pages_is_written_with_its_neighbours_and_is_not_present() throws Exception {
        for (int at = 0; at < 100; at += 2) {
            content(lane, at, 1);
            zero(lane, at + 1);
        }
        lane.flush();

        assertThat(allocatedPages()).isEqualTo(99); // the zero page behind the last is in no gap
        assertThat(store.writtenBytes()).isEqualTo(50 * 4096);
        assertThat(store.present().getFirst().setPages()).isEqualTo(50);
        for (int at = 0; at < 100; at++) {
            assertThat(inFile(at)).isEqualTo(1 - at % 2);
        }
    }

    @Test
    void zero_pages_that_are_told_before_their_neighbours_fill_the_gap_too() throws Exception {
        zero(lane, 1);
        content(lane, 0, 1);
        content(lane, 2, 1);
        lane.flush();

        assertThat(allocatedPages()).isEqualTo(3);
    }

    @Test
    void a_gap_of_which_nothing_is_known_is_left_alone() throws Exception {
        SnapshotLane other = new SnapshotLane(store, store.file());
        content(lane, 0, 1);
        content(other, 1, 2);
        other.flush();
        content(lane, 2, 1);
        lane.flush();

        assertThat(inFile(1)).isEqualTo(2);
    }

    @Test
    void what_was_known_before_a_flush_is_not_known_any_more() throws Exception {
        SnapshotLane other = new SnapshotLane(store, store.file());
        zero(lane, 1);
        lane.flush();
        content(other, 1, 2);
        other.flush();
        content(lane, 0, 1);
        content(lane, 2, 1);
        lane.flush();

        assertThat(inFile(1)).isEqualTo(2);
    }

    @Test
    void a_page_that_was_zero_and_has_content_now_is_no_gap() throws Exception {
        zero(lane, 1);
        content(lane, 1, 2);
        content(lane, 0, 1);
        content(lane, 2, 1);
        lane.flush();

        assertThat(inFile(1)).isEqualTo(2);
    }

    @Test
    void a_long_gap_stays_a_hole() throws Exception {
        content(lane, 0, 1);
        for (int at = 1; at < 10; at++) {
            zero(lane, at);
        }
        content(lane, 10, 1);
        lane.flush();

        assertThat(allocatedPages()).isEqualTo(2);
    }

    @Test
    void memory_that_is_mostly_zero_takes_no_more_than_twice_its_pages() throws Exception {
        int contents = 0;
        for (int at = 0; at < PAGES; at++) {
            if (at % 8 == 0) {
                content(lane, at, 1);
                contents++;
            } else {
                zero(lane, at);
            }
        }
        lane.flush();

        assertThat(store.writtenBytes()).isEqualTo(contents * 4096L);
        assertThat(allocatedPages()).isBetween(contents + 1L, 2L * contents + 16);
    }

    /** Two lanes, and a flush of the one wherever a page goes over to the other. */
    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void pages_of_two_lanes_in_any_order_read_as_they_were_given_last(long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        List<SnapshotLane> lanes = List.of(lane, new SnapshotLane(store, store.file()));
        int[] expected = new int[PAGES];
        int[] owner = new int[PAGES];
        Arrays.fill(owner, -1);
        int at = 0;
        for (int step = 0; step < 20_000; step++) {
            at = random.nextInt(20) == 0 ? random.nextInt(PAGES) : Math.min(PAGES - 1, at + random.nextInt(4));
            int by = random.nextInt(50) == 0 ? random.nextInt(2) : Math.max(0, owner[at]);
            if (owner[at] >= 0 && owner[at] != by) {
                lanes.get(owner[at]).flush();
            }
            owner[at] = by;
            expected[at] = random.nextBoolean() ? 0 : random.nextInt(1, 100);
            if (expected[at] == 0 && random.nextBoolean()) {
                zero(lanes.get(by), at);
            } else {
                content(lanes.get(by), at, expected[at]);
            }
        }
        for (SnapshotLane each : lanes) {
            each.flush();
        }
        List<Integer> wrong = new ArrayList<>();
        for (int i = 0; i < PAGES; i++) {
            boolean present = store.present().getFirst().get(i);
            if (present != (expected[i] != 0) || (present && inFile(i) != expected[i])) {
                wrong.add(i);
            }
        }
        assertThat(wrong).isEmpty();
    }
}
