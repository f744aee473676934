package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PacingTest {

    private static final long STEP_NS = 10_000;

    @ParameterizedTest
    @CsvSource({"100, 0", "5000, 0", "50000, 0", "5000, 20", "100, 50"})
    void as_many_steps_are_made_as_the_rate_says(double pagesPerSecond, int throttlePercentage) {
        assertThat(stepsIn10Seconds(pagesPerSecond, throttlePercentage))
                .isBetween((long) (pagesPerSecond * 9.5), (long) (pagesPerSecond * 10.5) + 20);
    }

    @ParameterizedTest
    @CsvSource({"0", "20", "50", "99"})
    void a_throttled_vcpu_runs_for_the_rest_of_the_time(int percentage) {
        long all = 10_000_000_000L / STEP_NS;
        assertThat(stepsIn10Seconds(-1, percentage))
                .isBetween(
                        all * (100 - percentage) / 100 * 95 / 100, all * (100 - percentage) / 100 * 105 / 100 + 1000);
    }

    @Test
    void an_idle_vcpu_makes_no_step() {
        assertThat(stepsIn10Seconds(0, 0)).isZero();
    }

    @Test
    void a_long_stop_is_not_made_up_for() {
        Pacing pacing = new Pacing();
        pacing.restart(0);
        long steps = 0;
        while (pacing.idleNs(60_000_000_000L, 1000, 0) == 0) {
            steps++;
        }
        assertThat(steps).isLessThan(20);
    }

    private static long stepsIn10Seconds(double pagesPerSecond, int throttlePercentage) {
        Pacing pacing = new Pacing();
        pacing.restart(0);
        long nowNs = 0;
        long steps = 0;
        while (nowNs < 10_000_000_000L) {
            long idleNs = pacing.idleNs(nowNs, pagesPerSecond, throttlePercentage);
            if (idleNs == 0) {
                steps++;
                nowNs += STEP_NS;
            } else {
                nowNs += idleNs;
            }
        }
        return steps;
    }
}
