package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TouchWorthTest {

    private static final long QUICK_NS = 150_000;
    private static final long SLOW_NS = 4_000_000;

    private final TouchWorth worth = new TouchWorth();

    private void took(int times, long ns) {
        for (int i = 0; i < times; i++) {
            worth.took(ns);
        }
    }

    private long touchedOf(int extents) {
        return IntStream.range(0, extents).filter(_ -> worth.ofNext()).count();
    }

    @Test
    void all_is_touched_until_it_has_been_quick_eight_times() {
        took(7, QUICK_NS);
        assertThat(touchedOf(160)).isEqualTo(160);
        worth.took(QUICK_NS);
        assertThat(touchedOf(160)).isEqualTo(10);
    }

    @Test
    void all_is_touched_where_it_is_slow() {
        took(100, SLOW_NS);
        assertThat(touchedOf(160)).isEqualTo(160);
    }

    @Test
    void one_that_waited_for_a_processor_does_not_make_it_slow() {
        took(7, SLOW_NS);
        worth.took(QUICK_NS);
        assertThat(touchedOf(160)).isEqualTo(10);
    }

    @Test
    void when_one_is_slow_again_all_is_touched_again() {
        took(8, QUICK_NS);
        worth.took(QUICK_NS);
        assertThat(touchedOf(160)).isEqualTo(10);
        worth.took(SLOW_NS);
        assertThat(touchedOf(160)).isEqualTo(160);
    }
}
