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

    @Test
    void a_machine_is_paused_and_resumed_a_thousand_times() throws IOException {
        try (WorkloadMachine machine =
                WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES).withVcpus(3))) {
            for (int time = 0; time < 1000; time++) {
                machine.resume();
                if (time % 10 == 0) {
                    Guests.awaitWrites(machine, 1);
                }
                machine.pause();
                long writes = machine.statistics().writtenPages();
                if (time % 100 == 0) {
                    assertThat(machine.verify().damages()).isEmpty();
                }
                assertThat(machine.statistics().writtenPages()).isEqualTo(writes);
            }
            machine.pause();
            assertThat(machine.isRunning()).isFalse();
        }
    }

    @Test
    void the_load_is_changed_while_the_machine_runs() throws IOException {
        WorkloadLoad fast = WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, WorkloadPattern.RANDOM);
        try (WorkloadMachine machine = WorkloadMachine.create(
                        WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2).withLoad(fast.withPagesPerSecond(0)));
                WorkloadMachine next = WorkloadMachine.incoming(
                        WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2))) {
            machine.resume();
            for (WorkloadPattern pattern : WorkloadPattern.values()) {
                machine.change(WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, pattern)
                        .withWorkingSetBytes(4 << 20)
                        .withHot(50, 20));
                Guests.awaitWrites(machine, 3000);
                machine.change(fast.withPagesPerSecond(100_000));
                Guests.awaitWrites(machine, 3000);
            }
            machine.change(fast.withPagesPerSecond(0));
            assertThat(machine.isRunning()).isTrue();
            machine.pause();
            assertThat(machine.verify().damages()).isEmpty();
            Guests.copyRam(machine, next);
            next.load(machine.save());
            assertThat(next.verify().damages()).isEmpty();
            assertThat(next.currentLoad()).isEqualTo(fast.withPagesPerSecond(0));
            assertThat(next.guest().program().epochs()).hasSize(6);
        }
    }

    @Test
    void a_load_that_does_not_fit_changes_nothing() throws IOException {
        try (WorkloadMachine machine = WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES))) {
            WorkloadLoad load = machine.currentLoad();
            machine.resume();
            assertThatThrownBy(() -> machine.change(load.withWorkingSetBytes(1 << 30)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            "the working set has 262144 pages; 1 vCPUs on 4224 writable pages can have from 1 to 4224");
            assertThat(machine.isRunning()).isTrue();
            assertThat(machine.currentLoad()).isEqualTo(load);
        }
    }

    @Test
    void the_order_can_be_changed_so_often_and_no_oftener() throws IOException {
        try (WorkloadMachine machine = WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES))) {
            Guests.run(machine, 1);
            for (int change = 1; change < Program.MAX_EPOCHS; change++) {
                machine.change(machine.currentLoad().withWorkingSetBytes(change * 4096L));
                Guests.run(machine, 1);
            }
            assertThatThrownBy(() -> machine.change(WorkloadLoad.of(-1, WorkloadPattern.ZIPF)))
                    .isInstanceOf(IllegalStateException.class);
            machine.change(machine.currentLoad().withPagesPerSecond(7));
            assertThat(machine.verify().damages()).isEmpty();
        }
    }

    @Test
    void a_throttled_or_idle_machine_still_pauses_at_once_and_closes() throws IOException {
        try (WorkloadMachine machine =
                WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2))) {
            machine.throttle(99);
            Guests.run(machine, 1);
            assertThat(machine.verify().damages()).isEmpty();
            machine.resume();
            machine.throttle(0);
            Guests.awaitWrites(machine, 1000);
            machine.change(machine.currentLoad().withPagesPerSecond(0));
        }
    }

    @Test
    void an_incoming_machine_does_not_run_before_it_has_a_program() throws IOException {
        try (WorkloadMachine machine = WorkloadMachine.incoming(WorkloadOptions.ofRam(RAM_BYTES))) {
            assertThatThrownBy(machine::resume).isInstanceOf(IllegalStateException.class);
            assertThat(machine.isRunning()).isFalse();
        }
    }

    @Test
    void a_dirty_log_that_is_not_known_is_refused_by_name() throws IOException {
        try (WorkloadMachine machine = WorkloadMachine.create(WorkloadOptions.ofRam(RAM_BYTES))) {
            assertThatThrownBy(() -> machine.startDirtyLog("kvm-ring"))
                    .isInstanceOf(IOException.class)
                    .hasMessage("a workload machine has the dirty log [pagemap-scan], not kvm-ring");
        }
    }
}
