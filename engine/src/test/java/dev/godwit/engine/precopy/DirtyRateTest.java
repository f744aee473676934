package dev.godwit.engine.precopy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DirtyRateTest {

    @Test
    void a_period_lasts_for_more_than_a_second_and_gathers_every_reading() {
        DirtyRate rate = new DirtyRate(0, 0);

        assertThat(rate.read(100, TimeUnit.MILLISECONDS.toNanos(600), 5000)).isFalse();
        assertThat(rate.read(100, TimeUnit.MILLISECONDS.toNanos(1000), 6000)).isFalse();
        assertThat(rate.read(300, TimeUnit.MILLISECONDS.toNanos(1250), 8000)).isTrue();

        assertThat(rate.pagesPerSecond()).isEqualTo(400);
        assertThat(rate.endedDirtyBytes()).isEqualTo(500 * 4096);
        assertThat(rate.endedSentBytes()).isEqualTo(8000);
    }
}
