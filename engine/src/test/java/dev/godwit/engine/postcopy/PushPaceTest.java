package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** How a push is held back, by times that the test makes. */
class PushPaceTest {

    private static final long MIB = 1 << 20;

    private final PushPace pace = new PushPace();
    private long nowNs = TimeUnit.HOURS.toNanos(1);

    private void pass(long ms) {
        nowNs += TimeUnit.MILLISECONDS.toNanos(ms);
    }

    private void serve(long latencyMs) {
        pace.served(TimeUnit.MILLISECONDS.toNanos(latencyMs), nowNs);
    }

    @Test
    void nothing_holds_a_push_of_which_nothing_was_said() {
        pace.begin(nowNs);
        serve(1000);
        assertThat(pace.isHeld(nowNs)).isFalse();
        assertThat(pace.bytesPerSecond(nowNs)).isZero();
    }

    @Test
    void a_residency_is_changed_while_the_push_waits_and_whoever_waits_hears_of_it() {
        AtomicInteger changes = new AtomicInteger();
        pace.onChange(changes::incrementAndGet);
        pace.residency(Residency.NONE);
        assertThat(pace.isHeld(nowNs)).isTrue();
        pace.residency(Residency.TRICKLE);
        assertThat(pace.isHeld(nowNs)).isFalse();
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(PushPace.TRICKLE_BYTES_PER_SECOND);
        pace.maxBytesPerSecond(1000);
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(1000);
        pace.residency(Residency.FULL);
        pace.maxBytesPerSecond(0);
        assertThat(pace.bytesPerSecond(nowNs)).isZero();
        assertThat(changes).hasValue(5);
    }

    @Test
    void late_requests_halve_the_rate_and_prompt_ones_let_it_grow_again() {
        pace.begin(nowNs);
        pace.faultLatencyNs(TimeUnit.MILLISECONDS.toNanos(2));
        pass(50);
        pace.pushed(40 * MIB, nowNs);
        serve(1);
        assertThat(pace.bytesPerSecond(nowNs)).isZero();
        serve(3);
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(400 * MIB);
        pass(10);
        serve(3);
        assertThat(pace.bytesPerSecond(nowNs)).as("one cut in 20 ms").isEqualTo(400 * MIB);
        pass(20);
        serve(3);
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(200 * MIB);
        pass(101);
        serve(1);
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(250 * MIB);
        for (int i = 0; i < 30; i++) {
            pass(101);
            pace.bytesPerSecond(nowNs);
        }
        assertThat(pace.bytesPerSecond(nowNs)).as("no limit any more").isZero();
    }

    @Test
    void requests_that_stay_late_never_stop_the_push() {
        pace.begin(nowNs);
        pace.faultLatencyNs(1);
        for (int i = 0; i < 100; i++) {
            pass(21);
            serve(100);
        }
        assertThat(pace.bytesPerSecond(nowNs)).isEqualTo(MIB);
        pace.maxBytesPerSecond(1000);
        assertThat(pace.bytesPerSecond(nowNs)).as("a limit below it").isEqualTo(1000);
    }

    @Test
    void a_push_that_is_recorded_waits_until_the_guest_asks_for_nothing_more() {
        pace.awaitFirstTouches();
        pace.begin(nowNs);
        pass(500);
        assertThat(pace.isHeld(nowNs)).as("it has asked for nothing yet").isTrue();
        serve(1);
        pass(49);
        assertThat(pace.isHeld(nowNs)).isTrue();
        pass(2);
        assertThat(pace.isHeld(nowNs)).isFalse();
        serve(1);
        assertThat(pace.isHeld(nowNs)).as("once over, over").isFalse();
    }

    @Test
    void a_guest_that_never_stops_asking_is_recorded_for_a_second() {
        pace.awaitFirstTouches();
        pace.begin(nowNs);
        for (int i = 0; i < 100; i++) {
            assertThat(pace.isHeld(nowNs)).isTrue();
            pass(10);
            serve(1);
        }
        pass(1);
        assertThat(pace.isHeld(nowNs)).isFalse();
    }

    @Test
    void a_residency_has_a_name() {
        assertThat(Residency.parse("trickle")).isEqualTo(Residency.TRICKLE);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Residency.parse("some"))
                .withMessageContaining("none, trickle and full");
    }
}
