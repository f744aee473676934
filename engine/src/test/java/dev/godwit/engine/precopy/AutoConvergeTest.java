package dev.godwit.engine.precopy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Qemu-migration specification section 8.4. */
class AutoConvergeTest {

    private final AutoConverge throttle = new AutoConverge();

    private boolean twoPeriods(long dirtiedBytes, MigrationParameters parameters) {
        assertThat(throttle.periodEnded(dirtiedBytes, 1000, parameters)).isFalse();
        return throttle.periodEnded(dirtiedBytes, 1000, parameters);
    }

    @Test
    void every_second_period_of_too_much_writing_throttles_by_one_step_more() {
        for (int expected : new int[] {20, 30, 40, 50}) {
            assertThat(twoPeriods(501, MigrationParameters.DEFAULTS)).isTrue();
            assertThat(throttle.percentage()).isEqualTo(expected);
        }
    }

    @Test
    void half_of_what_was_sent_is_not_too_much() {
        assertThat(twoPeriods(500, MigrationParameters.DEFAULTS)).isFalse();
        assertThat(throttle.percentage()).isZero();
    }

    @Test
    void a_quiet_period_between_two_others_does_not_begin_the_count_again() {
        throttle.periodEnded(501, 1000, MigrationParameters.DEFAULTS);
        throttle.periodEnded(0, 1000, MigrationParameters.DEFAULTS);

        assertThat(throttle.periodEnded(501, 1000, MigrationParameters.DEFAULTS))
                .isTrue();
    }

    @Test
    void it_ends_at_the_most_that_is_allowed() throws Exception {
        MigrationParameters parameters = MigrationParameters.DEFAULTS.with(Map.of(
                MigrationParameter.CPU_THROTTLE_INITIAL, 60L,
                MigrationParameter.CPU_THROTTLE_INCREMENT, 30L,
                MigrationParameter.MAX_CPU_THROTTLE, 80L));

        twoPeriods(501, parameters);
        twoPeriods(501, parameters);
        assertThat(throttle.percentage()).isEqualTo(80);

        assertThat(twoPeriods(501, parameters)).isFalse();
    }

    @Test
    void with_tailslow_the_step_is_what_should_do() throws Exception {
        MigrationParameters parameters =
                MigrationParameters.DEFAULTS.with(Map.of(MigrationParameter.CPU_THROTTLE_TAILSLOW, true));
        twoPeriods(501, parameters);

        // 80 % of the time are left; 80 * 500 / 526 = 76.04: four points less would do, so the step is 4 and not 10.
        twoPeriods(526, parameters);

        assertThat(throttle.percentage()).isEqualTo(24);
    }
}
