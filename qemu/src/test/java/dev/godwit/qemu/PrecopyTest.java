package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineEvent.Pass;
import dev.godwit.engine.migration.MachineEvent.Resumed;
import dev.godwit.engine.migration.MachineEvent.StatusChanged;
import dev.godwit.engine.migration.MachineEvent.Stopped;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.WritingMachine;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine under load moves from one side of a real socket to the other. */
@Timeout(120)
class PrecopyTest {

    @ParameterizedTest
    @CsvSource({"true,qemu", "false,qemu", "true,brief", "true,xen"})
    void a_machine_under_load_moves_whole_and_runs_on(boolean returnPath, String policy) throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.set(MigrationParameter.X_POLICY, policy);
            if (returnPath) {
                pair.with(MigrationCapability.RETURN_PATH);
            }
            pair.sourceRun.cont();

            pair.migrate();

            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.POSTMIGRATE);
            assertThat(pair.source.isRunning()).isFalse();
            assertThat(pair.destinationRun.status()).isEqualTo(RunStatus.RUNNING);
            pair.destinationRun.stop();
            assertThat(pair.destination.steps()).isGreaterThanOrEqualTo(pair.source.steps());
            assertThat(pair.precopy.downtime()).isPresent();
            assertThat(pair.precopy.report().status()).isEqualTo(MigrationStatus.COMPLETED);
            assertThatThrownBy(pair.sourceRun::cont).hasMessageContaining("postmigrate");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_machine_that_stands_still_arrives_the_same_and_stands_still(boolean xbzrle) throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.RETURN_PATH, MigrationCapability.SWITCHOVER_ACK);
            if (xbzrle) {
                pair.with(MigrationCapability.XBZRLE);
            }

            pair.migrate();

            assertThat(pair.destination.holdsTheSameAs(pair.source)).isTrue();
            assertThat(pair.destinationRun.status()).isEqualTo(RunStatus.PRELAUNCH);
        }
    }

    static Stream<Arguments> waysToSend() {
        return Stream.of("qemu", "brief", "xen")
                .flatMap(policy -> Stream.of("multifd", "legacy", "none")
                        .flatMap(zeros -> Stream.of("plain", "xbzrle", "none", "zlib", "zstd")
                                .map(way -> Arguments.of(policy, zeros, way))));
    }

    /** The destination is told beforehand not to start, so that the two can be compared. */
    @ParameterizedTest
    @MethodSource("waysToSend")
    void whatever_the_guest_writes_meanwhile_is_there_in_the_end(String policy, String zeros, String way)
            throws Exception {
        try (PrecopyPair pair = new PrecopyPair(2_000_000)) {
            pair.with(MigrationCapability.RETURN_PATH);
            pair.set(MigrationParameter.X_POLICY, policy);
            pair.set(MigrationParameter.ZERO_PAGE_DETECTION, zeros);
            pair.set(MigrationParameter.DOWNTIME_LIMIT, 50L);
            pair.set(MigrationParameter.MAX_BANDWIDTH, 8L << 20);
            switch (way) {
                case "plain" -> {}
                case "xbzrle" -> pair.with(MigrationCapability.XBZRLE);
                default -> pair.multifd(2, MultifdMethod.valueOf(way.toUpperCase(Locale.ROOT)));
            }
            pair.destinationRun.stop();
            pair.sourceRun.cont();

            pair.migrate();

            assertThat(pair.destinationRun.status()).isEqualTo(RunStatus.PAUSED);
            assertThat(pair.destination.holdsTheSameAs(pair.source)).isTrue();
            var ram = pair.precopy.report().ram().orElseThrow();
            if ("xbzrle".equals(way)) {
                assertThat(pair.precopy.report().xbzrle()).isPresent();
            }
            if ("plain".equals(way) || "xbzrle".equals(way)) {
                assertThat(ram.dirtySyncCount()).as("the limit makes it last").isGreaterThan(2);
            } else {
                assertThat(ram.multifdBytes()).isPositive();
            }
        }
    }

    @Test
    void events_come_in_qemus_order() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.RETURN_PATH, MigrationCapability.EVENTS);
            pair.sourceRun.cont();
            pair.sourceEvents.clear();

            pair.migrate();

            List<MachineEvent> told = List.copyOf(pair.sourceEvents);
            assertThat(told)
                    .startsWith(
                            new StatusChanged(MigrationStatus.SETUP),
                            new Pass(1),
                            new StatusChanged(MigrationStatus.ACTIVE))
                    .endsWith(
                            new Stopped(),
                            new StatusChanged(MigrationStatus.DEVICE),
                            told.get(told.size() - 2),
                            new StatusChanged(MigrationStatus.COMPLETED));
            assertThat(told.get(told.size() - 2)).isInstanceOf(Pass.class);
            assertThat(pair.destinationEvents)
                    .containsExactly(
                            new StatusChanged(MigrationStatus.SETUP),
                            new StatusChanged(MigrationStatus.ACTIVE),
                            new Resumed(),
                            new StatusChanged(MigrationStatus.COMPLETED));
        }
    }

    @Test
    void it_waits_before_the_switchover_until_it_is_told_to_go_on() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.PAUSE_BEFORE_SWITCHOVER);
            pair.sourceRun.cont();
            pair.start();
            pair.awaitSource(MigrationStatus.PRE_SWITCHOVER);
            assertThat(pair.source.isRunning()).isFalse();

            pair.precopy.proceed();
            pair.join();

            assertThat(pair.destinationRun.status()).isEqualTo(RunStatus.RUNNING);
            assertThatThrownBy(pair.precopy::proceed).hasMessageContaining("not in expected state");
        }
    }

    @Test
    void cancelled_before_the_switchover_the_guest_goes_on_at_the_source() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(
                    MigrationCapability.PAUSE_BEFORE_SWITCHOVER,
                    MigrationCapability.RETURN_PATH,
                    MigrationCapability.EVENTS);
            pair.sourceRun.cont();
            pair.start();
            pair.awaitSource(MigrationStatus.PRE_SWITCHOVER);

            pair.precopy.cancel();

            assertThatThrownBy(pair::join)
                    .isInstanceOfSatisfying(
                            MigrationException.class,
                            e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE))
                    .hasMessageContaining("cancelled");
            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
            assertThat(pair.destinationRun.status()).isEqualTo(RunStatus.INMIGRATE);
            assertThat(pair.sourceEvents)
                    .endsWith(
                            new StatusChanged(MigrationStatus.CANCELLING),
                            new Resumed(),
                            new StatusChanged(MigrationStatus.CANCELLED));
        }
    }

    @Test
    void a_guest_that_writes_faster_than_it_is_sent_can_be_cancelled() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.set(MigrationParameter.MAX_BANDWIDTH, 1L << 16);
            pair.sourceRun.cont();
            pair.start();
            pair.awaitSource(MigrationStatus.ACTIVE);

            pair.precopy.cancel();

            assertThatThrownBy(pair::join).isInstanceOf(MigrationException.class);
            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
        }
    }

    @Test
    void a_guest_that_writes_too_fast_is_slowed_down_and_afterwards_is_not() throws Exception {
        RamBlock ram = new RamBlock("test.ram", 1 << 20);
        WritingMachine source = new WritingMachine("test-1", 25, 1, ram).filled();
        try (PrecopyPair pair = new PrecopyPair(source, new WritingMachine("test-1", 26, WritingMachine.IDLE, ram))) {
            pair.with(MigrationCapability.AUTO_CONVERGE);
            pair.set(MigrationParameter.MAX_BANDWIDTH, 4L << 20);
            pair.set(MigrationParameter.DOWNTIME_LIMIT, 1L);
            pair.sourceRun.cont();
            pair.start();
            pair.awaitSource(MigrationStatus.ACTIVE);

            Await.until("a throttled guest", () -> source.throttledTo() >= 20);
            Await.until(
                    "its report",
                    () -> pair.precopy.report().cpuThrottlePercentage().isPresent());
            assertThat(pair.precopy.report().cpuThrottlePercentage().getAsInt()).isGreaterThanOrEqualTo(20);
            pair.precopy.cancel();
            pair.settle();

            assertThat(source.throttledTo()).isZero();
            assertThat(source.isRunning()).isTrue();
        }
    }

    @Test
    void a_limit_that_is_lifted_while_it_runs_takes_effect() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.set(MigrationParameter.MAX_BANDWIDTH, 1L << 16);
            pair.start();
            pair.awaitSource(MigrationStatus.ACTIVE);

            pair.set(MigrationParameter.MAX_BANDWIDTH, 0L);
            pair.join();

            assertThat(pair.destination.holdsTheSameAs(pair.source)).isTrue();
        }
    }

    @Test
    void another_guest_is_refused_and_the_source_hears_of_it() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.RETURN_PATH, MigrationCapability.VALIDATE_UUID);
            pair.source.uuid(new UUID(1, 2));
            pair.destination.uuid(new UUID(1, 3));
            pair.sourceRun.cont();

            assertThatThrownBy(pair::migrate).isInstanceOf(MigrationException.class);

            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
            assertThat(pair.destinationFailure())
                    .hasMessageContaining("00000000-0000-0001-0000-000000000003")
                    .hasMessageContaining("00000000-0000-0001-0000-000000000002");
        }
    }

    @Test
    void a_destination_that_cannot_run_the_guest_leaves_it_to_the_source() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.RETURN_PATH);
            pair.sourceRun.cont();
            pair.destination.failToResume();

            assertThatThrownBy(pair::migrate).hasMessageContaining("SHUT 1");

            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
            assertThat(pair.destination.isRunning()).isFalse();
            assertThat(pair.destinationFailure()).hasMessageContaining("does not resume");
        }
    }

    @Test
    void a_way_of_logging_that_the_machine_has_not_is_refused_by_name() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.set(MigrationParameter.X_DIRTY_LOG, "kvm-ring");

            assertThatThrownBy(pair::migrate).hasMessageContaining("kvm-ring");
        }
    }

    @Test
    void the_report_has_the_figures_of_what_was_sent() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.set(MigrationParameter.X_POLICY, "qemu");
            pair.migrate();

            var ram = pair.precopy.report().ram().orElseThrow();
            long pages = PrecopyPair.RAM_BYTES / 4096 + PrecopyPair.ROM_BYTES / 4096;
            assertThat(ram.normalPages()).isEqualTo((pages + 1) / 2);
            assertThat(ram.duplicatePages()).isEqualTo(pages / 2);
            assertThat(ram.remainingBytes()).isZero();
            assertThat(ram.totalBytes()).isEqualTo(pages * 4096);
            assertThat(ram.dirtySyncCount()).isEqualTo(2);
            assertThat(ram.transferredBytes()).isGreaterThan(ram.precopyBytes() + ram.downtimeBytes());
            assertThat(pair.parameters(Map.of())).isNotNull();
        }
    }
}
