package dev.godwit.ram;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PageBitmapTest {

    @Test
    void test_and_clear_answers_once() {
        PageBitmap bitmap = new PageBitmap(70);
        bitmap.set(69);
        assertThat(bitmap.testAndClear(69)).isTrue();
        assertThat(bitmap.testAndClear(69)).isFalse();
    }

    @Test
    void a_page_past_the_end_is_refused() {
        PageBitmap bitmap = new PageBitmap(70);
        assertThatThrownBy(() -> bitmap.set(70)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.get(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void the_clear_bits_past_the_last_page_are_no_pages() {
        PageBitmap bitmap = new PageBitmap(70);
        for (long page = 0; page < 70; page++) {
            bitmap.set(page);
        }
        assertThat(bitmap.nextClear(0)).isEqualTo(-1);
    }

    @Test
    void bits_past_the_last_page_are_reported_and_dropped() {
        PageBitmap bitmap = new PageBitmap(4);
        assertThat(bitmap.readFrom(MemorySegment.ofArray(new byte[] {0x1f, 0, 0, 0, 0, 0, 0, 0})))
                .isFalse();
        assertThat(bitmap.setPages()).isEqualTo(4);
    }

    @Test
    void page_9_is_bit_1_of_byte_1() {
        PageBitmap bitmap = new PageBitmap(64);
        bitmap.set(9);
        byte[] bytes = new byte[8];
        bitmap.writeTo(MemorySegment.ofArray(bytes));
        assertThat(bytes).containsExactly(0, 2, 0, 0, 0, 0, 0, 0);
    }

    @ParameterizedTest(name = "pages {0} to {1}")
    @CsvSource({"0,0", "0,199", "63,64", "64,127", "65,66", "5,190", "127,128", "199,199"})
    void setting_a_range_sets_it_and_nothing_else(long first, long last) {
        PageBitmap bitmap = new PageBitmap(200);
        bitmap.set(first, last - first + 1);
        for (long page = 0; page < 200; page++) {
            assertThat(bitmap.get(page)).as("page %d", page).isEqualTo(page >= first && page <= last);
        }
        bitmap.set(5, 0);
        assertThat(bitmap.setPages()).isEqualTo(last - first + 1);
    }

    @ParameterizedTest(name = "pages {0} to {1}")
    @CsvSource({"0,0", "0,199", "63,64", "64,127", "65,66", "5,190", "127,128", "199,199"})
    void clearing_a_range_clears_it_and_nothing_else(long first, long last) {
        PageBitmap bitmap = new PageBitmap(200);
        for (long page = 0; page < 200; page++) {
            bitmap.set(page);
        }

        bitmap.clear(first, last - first + 1);

        for (long page = 0; page < 200; page++) {
            assertThat(bitmap.get(page)).as("page %d", page).isEqualTo(page < first || page > last);
        }
    }

    @Test
    void a_range_past_the_end_is_refused() {
        PageBitmap bitmap = new PageBitmap(70);
        assertThatThrownBy(() -> bitmap.clear(69, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.clear(-1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.set(69, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.set(-1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void a_walk_visits_exactly_the_set_pages_in_order(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        PageBitmap bitmap = new PageBitmap(1000);
        TreeSet<Long> expected = new TreeSet<>();
        random.longs(random.nextInt(1000), 0, 1000).forEach(page -> {
            bitmap.set(page);
            expected.add(page);
        });

        List<Long> visited = new ArrayList<>();
        for (long page = bitmap.nextSet(0); page >= 0; page = bitmap.nextSet(page + 1)) {
            visited.add(page);
        }

        assertThat(visited).containsExactlyElementsOf(expected);
        assertThat(bitmap.setPages()).isEqualTo(expected.size());
        byte[] bytes = new byte[(int) bitmap.lengthBytes()];
        bitmap.writeTo(MemorySegment.ofArray(bytes));
        PageBitmap copy = new PageBitmap(1000);
        assertThat(copy.readFrom(MemorySegment.ofArray(bytes))).isTrue();
        assertThat(copy.setPages()).isEqualTo(expected.size());
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4})
    void pages_far_apart_are_found_and_merged(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int pages = 1_000_000 + random.nextInt(64);
        PageBitmap bitmap = new PageBitmap(pages);
        PageBitmap other = new PageBitmap(pages);
        TreeSet<Long> expected = new TreeSet<>();
        random.longs(300, 0, pages).forEach(page -> {
            bitmap.set(page);
            expected.add(page);
        });
        random.longs(600, 0, pages).forEach(page -> {
            other.set(page);
            expected.add(page);
        });

        bitmap.or(other);

        assertThat(bitmap.setPages()).isEqualTo(expected.size());
        PageBitmap inverted = new PageBitmap(pages);
        inverted.setAll();
        for (long page : expected) {
            inverted.clear(page);
        }
        List<Long> set = new ArrayList<>();
        for (long page = bitmap.nextSet(0); page >= 0; page = bitmap.nextSet(page + 1)) {
            set.add(page);
        }
        List<Long> clear = new ArrayList<>();
        for (long page = inverted.nextClear(0); page >= 0; page = inverted.nextClear(page + 1)) {
            clear.add(page);
        }
        assertThat(set).containsExactlyElementsOf(expected);
        assertThat(clear).containsExactlyElementsOf(expected);
    }
}
