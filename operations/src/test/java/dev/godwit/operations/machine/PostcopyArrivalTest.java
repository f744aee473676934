package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Guests that arrive by postcopy run while their pages come, and every page is checked by them as they touch it. */
@Timeout(300)
class PostcopyArrivalTest {

    private static final long RAM_BYTES = 16 << 20;

    @TempDir
    private Path folder;

    private static WorkloadOptions options(RamBacking backing) {
        return WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2).withRam(RamOptions.of(backing));
    }

    private String uri(int number) {
        return "unix:" + folder.resolve("postcopy-" + number + ".sock");
    }

    private static void needs(RamBacking backing) {
        List<String> refusals = PostcopySupport.of(backing, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy on " + backing + " here: " + refusals);
    }

    /** A source that stands still, and a destination that waits. */
    private final class Arrival implements AutoCloseable {

        final WorkloadMachine source;
        final WorkloadMachine machine;
        final GuestHost host;
        final boolean preempt;

        Arrival(RamBacking backing, boolean preempt) throws IOException, ControlException {
            needs(backing);
            this.preempt = preempt;
            source = make(backing, false);
            run(source);
            machine = make(backing, true);
            host = new GuestHost(
                    machine, Optional.empty(), true, Optional.of(new UserfaultfdRam(machine.ram(), false)));
            Map<MigrationCapability, Boolean> on = new EnumMap<>(MigrationCapability.class);
            on.put(MigrationCapability.POSTCOPY_RAM, true);
            on.put(MigrationCapability.POSTCOPY_PREEMPT, preempt);
            on.put(MigrationCapability.POSTCOPY_BLOCKTIME, true);
            host.setCapabilities(on);
            host.migrateIncoming(uri(0), false);
        }

        private WorkloadMachine make(RamBacking backing, boolean incoming) throws IOException {
            try {
                return incoming ? WorkloadMachine.incoming(options(backing)) : WorkloadMachine.create(options(backing));
            } catch (IOException e) {
                assumeTrue(backing != RamBacking.HUGETLB_2M, "no huge pages are lent: " + e.getMessage());
                throw e;
            }
        }

        private void run(WorkloadMachine guest) throws IOException {
            guest.resume();
            Await.until("writes at the source", () -> guest.statistics().writtenPages() > 2000);
            guest.pause();
        }

        PostcopyFeed feed(int number) {
            return new PostcopyFeed(source, uri(number), preempt);
        }

        void awaitStatus(MigrationStatus status) {
            Await.until(status.word(), () -> host.migration().status() == status);
        }

        void assertArrived() throws ControlException {
            awaitStatus(MigrationStatus.COMPLETED);
            assertThat(host.runStatus()).isEqualTo(RunStatus.RUNNING);
            HostPair.assertSound(host, machine);
        }

        @Override
        public void close() throws IOException {
            host.close();
            source.close();
        }
    }

    @ParameterizedTest
    @EnumSource(RamBacking.class)
    void a_guest_runs_while_its_pages_come(RamBacking backing) throws Exception {
        try (Arrival arrival = new Arrival(backing, false)) {
            arrival.feed(0).atMost(8 << 20).send();

            arrival.assertArrived();
            PostcopyReport report = arrival.host.migration().postcopy().orElseThrow();
            assertThat(report.latencies().faults()).isPositive();
            assertThat(report.latencies().counts().stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(report.latencies().faults());
            assertThat(report.latencies().longestNs())
                    .isGreaterThanOrEqualTo(report.latencies().meanNs());
            assertThat(report.vcpuBlocktimeMs()).hasSize(2);
            assertThat(report.vcpuBlocktimeMs()).allMatch(ms -> ms >= report.blocktimeMs());
        }
    }

    @ParameterizedTest
    @EnumSource(RamBacking.class)
    void pages_that_are_asked_for_come_on_a_second_connection(RamBacking backing) throws Exception {
        try (Arrival arrival = new Arrival(backing, true)) {
            arrival.feed(0).send();

            arrival.assertArrived();
        }
    }

    @ParameterizedTest
    @CsvSource({"ANONYMOUS, false, 71", "MEMFD, true, 72", "ANONYMOUS, true, 73", "HUGETLB_2M, false, 74"})
    void a_guest_waits_for_its_source_to_come_back_as_often_as_it_breaks(RamBacking backing, boolean preempt, long seed)
            throws Exception {
        Random random = new Random(seed);
        try (Arrival arrival = new Arrival(backing, preempt)) {
            assertThatThrownBy(() -> arrival.feed(0).send(1 << 20)).isInstanceOf(IOException.class);
            for (int cut = 1; cut <= 4; cut++) {
                arrival.awaitStatus(MigrationStatus.POSTCOPY_PAUSED);
                assertThat(arrival.host.migration().errorDescription()).isPresent();
                arrival.host.migrateRecover(uri(cut));
                int again = cut;
                long bytes = 100_000L + random.nextInt(2 << 20);
                assertThatThrownBy(() -> arrival.feed(again).resume(bytes)).isInstanceOf(IOException.class);
            }
            arrival.awaitStatus(MigrationStatus.POSTCOPY_PAUSED);
            arrival.host.migrateRecover(uri(0));
            arrival.feed(0).resume(Long.MAX_VALUE);

            arrival.assertArrived();
        }
    }

    @Test
    void a_guest_whose_source_is_gone_waits_and_is_never_shown_zeros() throws Exception {
        try (Arrival arrival = new Arrival(RamBacking.ANONYMOUS, false)) {
            assertThatThrownBy(() -> arrival.feed(0).send(1 << 20)).isInstanceOf(IOException.class);
            arrival.awaitStatus(MigrationStatus.POSTCOPY_PAUSED);

            assertThat(arrival.host.runStatus()).isEqualTo(RunStatus.RUNNING);
            assertThat(arrival.machine.statistics().damagedPages()).isZero();
            assertThatThrownBy(() -> arrival.host.migratePause()).hasMessageContaining("postcopy-active");
        }
    }

    @Test
    void a_pause_that_is_asked_for_breaks_the_connection_and_the_source_can_come_back() throws Exception {
        try (Arrival arrival = new Arrival(RamBacking.ANONYMOUS, false)) {
            arrival.source.change(WorkloadLoad.of(500, WorkloadPattern.RANDOM)); // it shall not ask for all at once
            FutureTask<Void> feed = new FutureTask<>(() -> {
                arrival.feed(0).atMost(1 << 20).send();
                return null;
            });
            Thread.ofPlatform().start(feed);
            Await.until(
                    "postcopy",
                    () -> feed.isDone() || arrival.host.migration().status() == MigrationStatus.POSTCOPY_ACTIVE);
            if (feed.isDone()) {
                feed.get(); // says why it cannot be paused
            }
            arrival.host.migratePause();
            assertThatThrownBy(feed::get).hasCauseInstanceOf(IOException.class);
            arrival.awaitStatus(MigrationStatus.POSTCOPY_PAUSED);
            arrival.host.migrateRecover(uri(0));
            arrival.feed(0).resume(Long.MAX_VALUE);

            arrival.assertArrived();
        }
    }
}
