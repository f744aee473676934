package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The file has something in the place of every page, as QEMU leaves it where a page became zero. */
class PresentPagesTest {

    private static final int PAGES = 1200;
    private static final byte UNTOUCHED = 77;
    private static final MappedRamLayout PLAN =
            MappedRamLayout.plan(4096, 0, new RamLayout(List.of(new RamBlock("ram", PAGES * 4096L))));

    private final Arena arena = Arena.ofConfined();
    private final PageBitmap present = new PageBitmap(PAGES);
    private final MemorySegment memory = arena.allocate(PAGES * 4096L, 4096);
    private OpenFile file;

    @BeforeEach
    void write_every_page(@TempDir Path folder) throws IOException {
        file = OpenFile.open(folder.resolve("pages"), OpenFlag.CREATE_NEW);
        file.truncate(PLAN.endBytes());
        for (int at = 0; at < PAGES; at++) {
            page(at).fill(value(at));
        }
        file.write(PLAN.blocks().getFirst().header().pagesOffsetBytes(), memory);
        memory.fill(UNTOUCHED);
    }

    @AfterEach
    void close() {
        file.close();
        arena.close();
    }

    private static byte value(int at) {
        return (byte) (at % 70 + 1);
    }

    private MemorySegment page(int at) {
        return memory.asSlice(at * 4096L, 4096);
    }

    private PlacedPages pages(long fileBytes) {
        return new PlacedPages(new SnapshotFile(file, fileBytes), PLAN, List.of(present));
    }

    private void choose(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int at = 0; at < PAGES; ) {
            int run = random.nextInt(4) == 0 ? random.nextInt(1, 400) : random.nextInt(1, 4);
            for (int end = Math.min(PAGES, at + run); at < end; at++) {
                present.set(at);
            }
            at += random.nextInt(1, 14);
        }
    }

    /** {@return what is in all of a page} */
    private byte content(int at) {
        byte first = page(at).get(ValueLayout.JAVA_BYTE, 0);
        assertThat(page(at).mismatch(arena.allocate(Page.SIZE_BYTES).fill(first)))
                .as("page %d is of one piece", at)
                .isEqualTo(-1);
        return first;
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void present_pages_come_to_their_places_and_the_memory_of_the_others_is_not_touched(long seed) throws Exception {
        choose(seed);
        PlacedPages pages = pages(PLAN.endBytes());
        PresentPages by = new PresentPages();
        int reads = 0;
        for (long at = present.nextSet(0); at >= 0; reads++) {
            long end = PresentPages.stretchEnd(present, at, PAGES);
            pages.readPresent(by, 0, at, memory.asSlice(at * 4096L, (end - at) * 4096L));
            at = end < PAGES ? present.nextSet(end) : -1;
        }

        for (int at = 0; at < PAGES; at++) {
            assertThat(content(at)).as("page %d", at).isEqualTo(present.get(at) ? value(at) : UNTOUCHED);
        }
        assertThat(reads).isLessThan(PAGES / 16);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void read_as_ram_the_others_are_zero(long seed) throws Exception {
        choose(seed);
        SplittableRandom random = new SplittableRandom(seed);
        PlacedPages pages = pages(PLAN.endBytes());
        for (int at = 0; at < PAGES; ) {
            int end = Math.min(PAGES, at + random.nextInt(1, 500));
            pages.read(0, at * 4096L, memory.asSlice(at * 4096L, (end - at) * 4096L));
            at = end;
        }

        for (int at = 0; at < PAGES; at++) {
            assertThat(content(at)).as("page %d", at).isEqualTo(present.get(at) ? value(at) : 0);
        }
    }

    @Test
    void a_long_gap_ends_a_stretch_and_so_does_the_limit() {
        present.set(10);
        present.set(19);
        present.set(29);

        assertThat(PresentPages.stretchEnd(present, 10, PAGES)).isEqualTo(20); // eight pages between, then nine
        assertThat(PresentPages.stretchEnd(present, 10, 19)).isEqualTo(11);
        assertThat(PresentPages.stretchEnd(present, 29, PAGES)).isEqualTo(30);
    }

    @Test
    void a_file_that_ends_before_is_refused_with_the_place() {
        present.set(0);
        present.set(3);
        long base = PLAN.blocks().getFirst().header().pagesOffsetBytes();
        PlacedPages pages = pages(PLAN.endBytes());
        assertThatThrownBy(() -> {
                    file.truncate(base + 2 * 4096);
                    pages.readPresent(new PresentPages(), 0, 0, memory.asSlice(0, 4 * 4096));
                })
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining(Long.toString(base + 2 * 4096));
    }
}
