package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class WorkloadMachineTest {

    private static final long RAM_BYTES = 16 << 20;

    @Test
    void a_machine_that_ran_verifies() throws IOException {
        try (WorkloadMachine machine =
                WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2))) {
            assertThat(machine.verify())
                    .matches(WorkloadReport::isSound)
                    .returns(4096L + 16 + 128, WorkloadReport::checkedPages);
            long startNs = System.nanoTime();
            Guests.run(machine, 400_000);
            double seconds = (System.nanoTime() - startNs) / 1e9;
            System.out.println(String.format(
                    Locale.ROOT,
                    "workload: %.2f GB/s dirtied by 2 vCPUs that check themselves",
                    machine.statistics().writtenPages() * 4096 / seconds / 1e9));
            assertThat(machine.verify().damages()).isEmpty();
            assertThat(machine.statistics().damagedPages()).isZero();
        }
    }

    @Test
    void a_running_machine_is_not_verified_or_saved() throws IOException {
        try (WorkloadMachine machine = WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES))) {
            machine.resume();
            assertThat(machine.isRunning()).isTrue();
            assertThatThrownBy(machine::verify).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(machine::save).isInstanceOf(IllegalStateException.class);
        }
    }
}
