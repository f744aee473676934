package dev.godwit.engine.precopy;

import static dev.godwit.engine.precopy.StopRule.Decision.READ_DIRTY_LOG;
import static dev.godwit.engine.precopy.StopRule.Decision.SEND;
import static dev.godwit.engine.precopy.StopRule.Decision.SWITCH_OVER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** The arithmetic of qemu-migration specification section 8.2, with its numbers worked out. */
class DowntimeStopTest {

    private final DowntimeStop rule = new DowntimeStop();

    private static LapView view(long dirtyBytes, boolean exact, boolean canSwitchOver) {
        return new LapView(dirtyBytes, exact, 50_000_000, 1000, false, 1, 0, 0, 0, 100_000, canSwitchOver);
    }

    private static MigrationParameters parameters(Map<MigrationParameter, Object> changes) throws Exception {
        return MigrationParameters.DEFAULTS.with(changes);
    }

    @Test
    void nothing_is_few_enough_before_the_first_window_is_over() {
        assertThat(rule.decide(view(4096, false, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(0, false, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void the_threshold_is_the_measured_bandwidth_for_the_time_of_the_downtime_limit() throws Exception {
        // 12,500,000 bytes in 125 ms are 100,000 bytes a ms; for 300 ms that makes 30,000,000.
        rule.windowEnded(12_500_000, 125, view(0, false, true), MigrationParameters.DEFAULTS);

        assertThat(rule.thresholdBytes()).isEqualTo(30_000_000);
        assertThat(rule.decide(view(30_000_000, false, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(29_999_999, false, true))).isEqualTo(READ_DIRTY_LOG);
        assertThat(rule.decide(view(29_999_999, true, true))).isEqualTo(SWITCH_OVER);
        assertThat(rule.decide(view(30_000_000, true, true))).isEqualTo(SEND);
        // 50,000,000 dirty bytes at 100,000 a ms
        assertThat(rule.expectedDowntimeMs()).isEqualTo(OptionalLong.of(500));
    }

    @Test
    void the_bandwidth_of_the_switchover_stands_in_for_the_measured_one_in_whole_bytes_a_ms() throws Exception {
        MigrationParameters parameters = parameters(
                Map.of(MigrationParameter.AVAIL_SWITCHOVER_BANDWIDTH, 2999L, MigrationParameter.DOWNTIME_LIMIT, 100L));

        rule.windowEnded(12_500_000, 125, view(0, false, true), parameters);

        assertThat(rule.thresholdBytes()).isEqualTo(200);
    }

    @Test
    void with_a_downtime_limit_of_0_only_nothing_is_few_enough() throws Exception {
        rule.windowEnded(
                12_500_000, 125, view(0, false, true), parameters(Map.of(MigrationParameter.DOWNTIME_LIMIT, 0L)));

        assertThat(rule.decide(view(4096, false, true))).isEqualTo(SEND);
        assertThat(rule.decide(view(0, false, true))).isEqualTo(SWITCH_OVER);
    }

    @Test
    void a_window_in_which_hardly_anything_was_sent_says_nothing_of_the_downtime() {
        rule.windowEnded(10_000, 100, view(0, false, true), MigrationParameters.DEFAULTS);

        assertThat(rule.expectedDowntimeMs()).isEmpty();
    }

    @Test
    void without_the_destinations_leave_it_goes_on() {
        rule.windowEnded(12_500_000, 125, view(0, false, true), MigrationParameters.DEFAULTS);

        assertThat(rule.decide(view(0, true, false))).isEqualTo(SEND);
    }
}
