package dev.godwit.engine.migration;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RateLimitTest {

    private final SteppedClock clock = new SteppedClock();

    @Test
    void a_window_is_used_up_by_more_than_a_tenth_of_a_second_allows() {
        RateLimit limit = new RateLimit(10_000, clock);

        assertThat(limit.isUsedUp(1000)).isFalse();
        assertThat(limit.isUsedUp(1001)).isTrue();
    }

    @Test
    void less_than_ten_bytes_a_second_are_no_limit() {
        assertThat(new RateLimit(9, clock).isUsedUp(Long.MAX_VALUE)).isFalse();
        assertThat(new RateLimit(0, clock).isUsedUp(Long.MAX_VALUE)).isFalse();
    }

    @Test
    void a_window_turns_after_100_ms_and_tells_what_was_sent_in_it() throws Exception {
        RateLimit limit = new RateLimit(10_000, clock);
        clock.pass(99);
        assertThat(limit.turn(500)).isFalse();

        clock.pass(26);
        assertThat(limit.turn(900)).isTrue();

        assertThat(limit.endedBytes()).isEqualTo(900);
        assertThat(limit.endedMs()).isEqualTo(125);
        assertThat(limit.isUsedUp(1900)).isFalse();
        assertThat(limit.isUsedUp(1901)).isTrue();
        limit.sleepToEnd();
        assertThat(limit.turn(1901)).isTrue();
        assertThat(limit.endedMs()).isEqualTo(100);
    }

    @Test
    void a_changed_limit_counts_at_once() {
        RateLimit limit = new RateLimit(10_000, clock);

        limit.bytesPerSecond(0);

        assertThat(limit.isUsedUp(5000)).isFalse();
    }
}
