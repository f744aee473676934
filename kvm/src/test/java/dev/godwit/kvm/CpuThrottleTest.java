package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CpuThrottleTest {

    @Test
    void a_vcpu_sleeps_for_its_share_of_the_time_beside_ten_milliseconds_of_running() {
        assertThat(CpuThrottle.sleepNs(0)).isZero();
        assertThat(CpuThrottle.sleepNs(20)).isEqualTo(2_500_000);
        assertThat(CpuThrottle.sleepNs(50)).isEqualTo(10_000_000);
        assertThat(CpuThrottle.sleepNs(99)).isEqualTo(990_000_000);
    }
}
