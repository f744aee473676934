package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class VcpuBlocktimeTest {

    private static final PagePlace ONE = new PagePlace(0, 1);
    private static final PagePlace TWO = new PagePlace(0, 2);

    @Test
    void the_time_of_each_vcpu_and_of_all_at_once_is_counted() {
        VcpuBlocktime blocktime = new VcpuBlocktime(List.of(501, 502));

        blocktime.begin(ONE, 501, 100);
        blocktime.begin(TWO, 502, 130);
        blocktime.end(ONE, 150);
        blocktime.end(TWO, 200);

        assertThat(blocktime.vcpuNs()).containsExactly(50L, 70L);
        assertThat(blocktime.allNs()).isEqualTo(20);
    }

    @Test
    void vcpus_that_wait_for_one_page_go_on_together() {
        VcpuBlocktime blocktime = new VcpuBlocktime(List.of(501, 502));

        blocktime.begin(ONE, 501, 100);
        blocktime.begin(ONE, 502, 110);
        blocktime.end(ONE, 140);

        assertThat(blocktime.vcpuNs()).containsExactly(40L, 30L);
        assertThat(blocktime.allNs()).isEqualTo(30);
    }

    @Test
    void other_threads_and_other_pages_do_not_count() {
        VcpuBlocktime blocktime = new VcpuBlocktime(List.of(501));

        blocktime.begin(ONE, 777, 100);
        blocktime.begin(ONE, 0, 100);
        blocktime.end(ONE, 200);
        blocktime.begin(ONE, 501, 300);
        blocktime.end(TWO, 350);
        blocktime.begin(ONE, 501, 360);
        blocktime.end(ONE, 400);

        assertThat(blocktime.vcpuNs()).containsExactly(100L);
        assertThat(blocktime.allNs()).isEqualTo(100);
    }

    @Test
    void latencies_stand_in_the_bucket_of_their_power_of_two() {
        FaultLatencies latencies = new FaultLatencies();

        latencies.add(900);
        latencies.add(1_000);
        latencies.add(3_999);
        latencies.add(4_000);
        latencies.add(3_600_000_000_000L);

        FaultLatencies.Summary summary = latencies.summary();
        assertThat(summary.counts()).hasSize(FaultLatencies.BUCKETS);
        assertThat(summary.counts().subList(0, 3)).containsExactly(2L, 1L, 1L);
        assertThat(summary.counts().getLast()).isEqualTo(1);
        assertThat(summary.faults()).isEqualTo(5);
        assertThat(summary.longestNs()).isEqualTo(3_600_000_000_000L);
        assertThat(summary.meanNs()).isEqualTo((900L + 1_000 + 3_999 + 4_000 + 3_600_000_000_000L) / 5);
    }

    @Test
    void percentiles_of_latencies_are_right_to_a_sixteenth() {
        FaultLatencies latencies = new FaultLatencies();
        assertThat(latencies.summary().medianNs()).isZero();

        for (long ns = 1; ns <= 100_000; ns++) {
            latencies.add(ns);
        }
        latencies.add(5_000_000);

        FaultLatencies.Summary summary = latencies.summary();
        assertThat(summary.medianNs()).isBetween(50_000L, 50_000L * 17 / 16);
        assertThat(summary.mostNs()).isBetween(99_000L, 99_000L * 17 / 16);
        assertThat(summary.longestNs()).isEqualTo(5_000_000);
    }

    @Test
    void the_percentiles_of_one_latency_are_that_latency() {
        for (long ns : new long[] {0, 1, 15, 16, 17, 1_000, 123_456_789, Long.MAX_VALUE}) {
            FaultLatencies latencies = new FaultLatencies();
            latencies.add(ns);
            assertThat(latencies.summary().medianNs()).isEqualTo(ns);
            assertThat(latencies.summary().mostNs()).isEqualTo(ns);
        }
    }
}
