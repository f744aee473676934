package dev.godwit.engine.precopy;

import static dev.godwit.engine.precopy.StopRule.Decision.READ_DIRTY_LOG;
import static dev.godwit.engine.precopy.StopRule.Decision.SEND;
import static dev.godwit.engine.precopy.StopRule.Decision.SWITCH_OVER;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Xen migration specification section 1.8. */
class RoundsStopTest {

    private static StopRule.Decision decide(
            boolean roundOver, long rounds, long sentPages, long skippedPages, long sentPagesInAll) {
        return new RoundsStop()
                .decide(new LapView(
                        0, false, 0, 0, roundOver, rounds, sentPages, skippedPages, sentPagesInAll, 1000, true));
    }

    @Test
    void nothing_is_decided_inside_a_round() {
        assertThat(decide(false, 30, 0, 0, 9999)).isEqualTo(SEND);
    }

    @Test
    void the_29th_round_is_the_last_one_with_a_running_guest() {
        assertThat(decide(true, 28, 500, 0, 600)).isEqualTo(READ_DIRTY_LOG);
        assertThat(decide(true, 29, 500, 0, 600)).isEqualTo(SWITCH_OVER);
    }

    @Test
    void skipped_pages_count_as_work_that_is_left() {
        assertThat(decide(true, 2, 30, 20, 1030)).isEqualTo(READ_DIRTY_LOG);
        assertThat(decide(true, 2, 30, 19, 1030)).isEqualTo(SWITCH_OVER);
    }

    @Test
    void it_gives_up_when_three_times_all_pages_have_been_sent() {
        assertThat(decide(true, 5, 500, 0, 3000)).isEqualTo(READ_DIRTY_LOG);
        assertThat(decide(true, 5, 500, 0, 3001)).isEqualTo(SWITCH_OVER);
    }

    @Test
    void other_numbers_may_be_given_and_0_stands_for_xens() {
        LapView view = new LapView(0, false, 0, 0, true, 4, 500, 0, 1500, 1000, true);
        assertThat(new RoundsStop(4, 0).decide(view)).isEqualTo(SWITCH_OVER);
        assertThat(new RoundsStop(5, 0).decide(view)).isEqualTo(READ_DIRTY_LOG);
        assertThat(new RoundsStop(0, 1).decide(view)).isEqualTo(SWITCH_OVER);
        assertThat(new RoundsStop(0, 0).decide(view)).isEqualTo(READ_DIRTY_LOG);
    }
}
