package dev.godwit.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {

    @Test
    void the_median_is_the_one_in_the_middle() {
        assertThat(Spread.of(List.of(9.0, 1.0, 3.0, 2.0, 100.0))).isEqualTo(new Spread(3, 1, 100, 5));
    }

    @Test
    void the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 8.0)).median()).isEqualTo(3);
    }

    @Test
    void nothing_has_no_median() {
        assertThatThrownBy(() -> Spread.of(List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void small_figures_are_told_with_more_digits_than_large_ones() {
        assertThat(Spread.of(List.of(0.0123, 0.01, 0.02)).text()).isEqualTo("0.012 (0.010–0.020)");
        assertThat(Spread.of(List.of(1234.5)).text()).isEqualTo("1235 (1235–1235)");
    }
}
