package dev.godwit.engine.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ComingPagesTest {

    private static final long PAGE_BYTES = 4096;
    private static final long EXTENT_PAGES = 512;

    private final Recorded ahead = new Recorded();
    private final ComingPages coming = new ComingPages(ahead);

    private record Extent(int block, long index) {}

    private static final class Recorded implements MemoryAhead {
        private final Set<Extent> soon = new LinkedHashSet<>();
        private final List<Extent> now = new ArrayList<>();

        @Override
        public void soon(int blockIndex, long extent) {
            soon.add(new Extent(blockIndex, extent));
        }

        @Override
        public void now(int blockIndex, long offsetBytes) {
            now.add(new Extent(blockIndex, offsetBytes / EXTENT_BYTES));
        }

        @Override
        public boolean wasUntouched(int blockIndex, long extent) {
            return false;
        }

        @Override
        public void close() {}
    }

    private void fill(int block, long firstPage, long pages, long pagesAtOnce) {
        for (long page = firstPage; page < firstPage + pages; page += pagesAtOnce) {
            coming.come(block, page * PAGE_BYTES, pagesAtOnce * PAGE_BYTES);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 128, 1536})
    void where_extents_fill_as_many_are_asked_for_as_have_filled(long pagesAtOnce) {
        fill(0, 0, 3 * EXTENT_PAGES, pagesAtOnce);
        assertThat(ahead.now).containsExactly(new Extent(0, 0), new Extent(0, 1), new Extent(0, 2));
        assertThat(ahead.soon).containsExactlyInAnyOrder(new Extent(0, 2), new Extent(0, 3), new Extent(0, 4));
    }

    @Test
    void never_more_than_eight_are_asked_for() {
        fill(3, 0, 100 * EXTENT_PAGES, 1);
        assertThat(ahead.soon).contains(new Extent(3, 107)).doesNotContain(new Extent(3, 108));
    }

    @Test
    void every_extent_is_told_of_once_before_its_first_page_is_written_and_again_when_a_page_comes_back() {
        fill(0, 0, 2 * EXTENT_PAGES, 1);
        coming.come(0, 7 * PAGE_BYTES, PAGE_BYTES);
        assertThat(ahead.now).containsExactly(new Extent(0, 0), new Extent(0, 1), new Extent(0, 0));
    }

    @Test
    void pages_here_and_there_ask_for_nothing() {
        for (long extent = 0; extent < 50; extent++) {
            fill(0, extent * EXTENT_PAGES, 127, 1);
        }
        Random random = new Random(5);
        for (int i = 0; i < 500; i++) {
            coming.come(0, random.nextLong(1 << 20) * PAGE_BYTES, PAGE_BYTES);
        }
        assertThat(ahead.soon).isEmpty();
    }

    @Test
    void half_of_the_pages_with_content_are_enough() {
        for (long page = 0; page < 10 * EXTENT_PAGES; page += 2) {
            coming.come(0, page * PAGE_BYTES, PAGE_BYTES);
        }
        assertThat(ahead.soon).contains(new Extent(0, 10), new Extent(0, 11), new Extent(0, 12));
    }

    @Test
    void another_block_or_a_gap_begins_anew() {
        fill(0, 0, 4 * EXTENT_PAGES, 1);
        ahead.soon.clear();
        fill(1, 4 * EXTENT_PAGES, EXTENT_PAGES, 1);
        fill(1, 6 * EXTENT_PAGES, EXTENT_PAGES, 1);
        assertThat(ahead.soon).isEmpty();
    }
}
