package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadAheadTest {

    @TempDir
    private Path folder = Path.of("");

    private Path file = Path.of("");

    @BeforeEach
    void write_a_snapshot() throws Exception {
        file = Captures.rewritten("mapped-ram", folder);
    }

    /** Without those of the checksums, which come first. */
    private static List<ReadAhead.Range> pageRanges(Snapshot snapshot, List<PagePlace> pages) {
        List<ReadAhead.Range> all = snapshot.ahead().ranges(pages);
        List<ReadAhead.Range> checksums = snapshot.ahead().ranges(List.of());
        assertThat(checksums).isNotEmpty();
        assertThat(all.subList(0, checksums.size())).isEqualTo(checksums);
        return all.subList(checksums.size(), all.size());
    }

    private static List<PagePlace> presentPages(Snapshot snapshot) {
        List<PagePlace> places = new ArrayList<>();
        PageBitmap present = snapshot.present(0);
        for (long page = present.nextSet(0); page >= 0; page = present.nextSet(page + 1)) {
            places.add(new PagePlace(0, page));
        }
        return places;
    }

    @Test
    void neighbours_are_read_at_once_wherever_they_are_in_the_order_and_a_page_without_a_place_is_not()
            throws Exception {
        try (Snapshot snapshot = Snapshot.open(file)) {
            PageBitmap present = snapshot.present(0);
            long first = present.nextSet(0);
            long absent = present.nextClear(first);
            long far = present.nextSet(first + 64);
            MappedRamBlock block = snapshot.head().layout().blocks().get(0);
            long base = block.header().pagesOffsetBytes();

            assertThat(pageRanges(
                            snapshot,
                            List.of(new PagePlace(0, far), new PagePlace(0, absent), new PagePlace(0, first))))
                    .containsExactly(
                            new ReadAhead.Range(base + first * 4096, 4096),
                            new ReadAhead.Range(base + far * 4096, 4096));
        }
    }

    @Test
    void every_page_is_in_a_range() throws Exception {
        try (Snapshot snapshot = Snapshot.open(file)) {
            List<PagePlace> pages = presentPages(snapshot).reversed();
            long base = snapshot.head().layout().blocks().get(0).header().pagesOffsetBytes();

            List<ReadAhead.Range> ranges = pageRanges(snapshot, pages);

            assertThat(ranges).hasSizeLessThan(pages.size());
            assertThat(pages)
                    .allSatisfy(place -> assertThat(ranges)
                            .anySatisfy(range -> assertThat(base + place.page() * 4096)
                                    .isBetween(
                                            range.positionBytes(),
                                            range.positionBytes() + range.lengthBytes() - 4096)));
        }
    }

    @Test
    void the_first_ones_do_not_wait_for_all() throws Exception {
        try (Snapshot snapshot = Snapshot.open(file)) {
            List<PagePlace> present = presentPages(snapshot);
            long base = snapshot.head().layout().blocks().get(0).header().pagesOffsetBytes();
            List<PagePlace> pages = new ArrayList<>(Collections.nCopies(ReadAhead.BATCH_PAGES, present.getLast()));
            pages.add(present.getFirst());

            assertThat(pageRanges(snapshot, pages))
                    .extracting(ReadAhead.Range::positionBytes)
                    .containsExactly(
                            base + present.getLast().page() * 4096,
                            base + present.getFirst().page() * 4096);
        }
    }

    @Test
    void the_kernel_takes_it_and_a_closed_snapshot_does_not() throws Exception {
        Snapshot snapshot = Snapshot.open(file);
        List<PagePlace> pages = presentPages(snapshot);
        snapshot.readAhead(pages);
        snapshot.close();
        assertThatThrownBy(() -> snapshot.readAhead(pages))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("closed");
    }
}
