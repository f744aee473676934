package dev.godwit.engine.precopy;

import static dev.godwit.engine.precopy.StopRule.Decision.READ_DIRTY_LOG;
import static dev.godwit.engine.precopy.StopRule.Decision.SEND;
import static dev.godwit.engine.precopy.StopRule.Decision.SWITCH_OVER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.MigrationParameters;
import org.junit.jupiter.api.Test;

class BriefStopTest {

    private final BriefStop rule = new BriefStop();

    private static LapView view(long dirtyBytes, boolean exact, boolean canSwitchOver) {
        return new LapView(dirtyBytes, exact, 0, 0, false, 1, 0, 0, 0, 100_000, canSwitchOver);
    }

    /** 100,000 bytes a ms, for 300 ms: a threshold of 30,000,000 bytes. */
    private void bandwidthIsKnown() {
        rule.windowEnded(12_500_000, 125, view(0, false, true), MigrationParameters.DEFAULTS);
    }

    @Test
    void a_pass_is_sent_to_its_end_however_little_is_left() {
        bandwidthIsKnown();

        assertThat(rule.decide(view(4096, false, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(0, false, true))).isEqualTo(READ_DIRTY_LOG);
    }

    @Test
    void passes_go_on_while_each_leaves_clearly_less() {
        bandwidthIsKnown();

        assertThat(rule.decide(view(20_000_000, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(10_000_000, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(8_000_000, true, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void hardly_anything_is_little_enough_at_once() {
        bandwidthIsKnown();

        assertThat(rule.decide(view(BriefStop.FEW_BYTES - 4096, true, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void more_than_fits_into_the_downtime_limit_is_never_left_for_the_pause() {
        bandwidthIsKnown();

        assertThat(rule.decide(view(40_000_000, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(40_000_000, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(29_000_000, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(29_000_000, true, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void before_a_bandwidth_is_known_only_nothing_is_little_enough() {
        assertThat(rule.decide(view(4096, true, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(0, true, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void without_the_destinations_leave_it_goes_on() {
        bandwidthIsKnown();

        assertThat(rule.decide(view(0, true, false))).isEqualTo(SEND);
    }
}
