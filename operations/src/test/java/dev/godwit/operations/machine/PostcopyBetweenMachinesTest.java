package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.ram.Page;
import dev.godwit.ram.ZeroPages;
import dev.godwit.testkit.Await;
import dev.godwit.workload.PageMaking;
import dev.godwit.workload.WorkloadContent;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both sides of a postcopy are ours, and the guest writes as fast as it can; every page is checked. */
@Timeout(600)
class PostcopyBetweenMachinesTest {

    private static final long RAM_BYTES = 24 << 20;

    /** So that the guest does not have all before the last cut. */
    private static final long SLOW_PAGES_PER_SECOND = 400;

    @TempDir
    private Path folder;

    private interface Journey {
        void travel(PostcopyJourney journey, HostPair pair) throws Exception;
    }

    private void travel(RamBacking backing, boolean preempt, Random random, Journey travelled) throws Exception {
        travel(backing, preempt, random, WorkloadLoad.AS_FAST_AS_POSSIBLE, travelled);
    }

    private void travel(RamBacking backing, boolean preempt, Random random, long pagesPerSecond, Journey travelled)
            throws Exception {
        List<String> refusals = PostcopySupport.of(backing, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy on " + backing + " here: " + refusals);
        HugePool.assumeEnough(backing, 2 * RAM_BYTES);
        Path own = Files.createTempDirectory(folder, "journey");
        WorkloadOptions options = WorkloadOptions.ofRam(RAM_BYTES)
                .withVcpus(2)
                .withRam(RamOptions.of(backing))
                .withLoad(WorkloadLoad.of(pagesPerSecond, WorkloadPattern.RANDOM));
        try (HostPair pair = new HostPair(own, options);
                PostcopyJourney journey = new PostcopyJourney(pair.source, pair.destination, own, random, preempt)) {
            Await.until("writes", () -> pair.sourceMachine.statistics().writtenPages() > 300);
            travelled.travel(journey, pair);
        }
    }

    @ParameterizedTest(name = "{0}, preempt {1}, seed {2}")
    @CsvSource({
        "ANONYMOUS, false, 1", "ANONYMOUS, true, 2",
        "MEMFD, false, 3", "MEMFD, true, 4",
        "HUGETLB_2M, false, 5", "HUGETLB_2M, true, 6"
    })
    void a_guest_that_writes_goes_first_at_any_moment(RamBacking backing, boolean preempt, long seed) throws Exception {
        Random random = new Random(seed);
        LongAdder requests = new LongAdder();
        LongAdder faults = new LongAdder();
        for (long afterMs : new long[] {0, random.nextInt(300), random.nextInt(2000)}) {
            travel(backing, preempt, random, (journey, pair) -> {
                journey.atMost(32 << 20).begin(afterMs).awaitDeparture().awaitArrival();

                pair.assertArrived();
                MigrationReport sent = pair.source.migration();
                assertThat(sent.downtimeMs()).isPresent();
                PostcopyReport waited = pair.destination.migration().postcopy().orElseThrow();
                if (backing != RamBacking.HUGETLB_2M) { // eight pages in all may be sent before one is asked for
                    assertThat(sent.ram().orElseThrow().postcopyRequests()).isPositive();
                    assertThat(waited.latencies().faults()).isPositive();
                }
                requests.add(sent.ram().orElseThrow().postcopyRequests());
                faults.add(waited.latencies().faults());
            });
        }
        assertThat(requests.sum()).isPositive();
        assertThat(faults.sum()).isPositive();
    }

    @ParameterizedTest(name = "{0}, preempt {1}, {2} cuts, seed {3}")
    @CsvSource({
        "ANONYMOUS, false, 14, 11",
        "ANONYMOUS, true, 14, 12",
        "MEMFD, true, 6, 13",
        "HUGETLB_2M, false, 4, 14",
        "HUGETLB_2M, true, 4, 15"
    })
    void a_guest_arrives_whole_however_often_the_connection_breaks(
            RamBacking backing, boolean preempt, int cuts, long seed) throws Exception {
        Random random = new Random(seed);
        travel(backing, preempt, random, SLOW_PAGES_PER_SECOND, (journey, pair) -> {
            assertThat(journey.atMost(2 << 20).begin(0).awaitDeparture().cut(cuts))
                    .isTrue();
            pair.assertArrived();
        });
    }

    /** Where the cut falls between the package and the start of the guest, the source cannot know, and says so. */
    @ParameterizedTest(name = "preempt {0}, seed {1}")
    @CsvSource({"false, 21", "true, 22"})
    void a_cut_at_any_byte_leaves_one_guest_or_one_that_can_be_recovered(boolean preempt, long seed) throws Exception {
        Random random = new Random(seed);
        for (int round = 0; round < 6; round++) {
            int cutAfterBytes = random.nextInt(8 << 20);
            travel(RamBacking.ANONYMOUS, preempt, random, (journey, pair) -> {
                journey.cutAfter(cutAfterBytes);
                journey.begin(random.nextInt(100));
                Await.until("the cut", () -> isOver(pair.source.migration().status()));
                if (pair.source.migration().status() == MigrationStatus.FAILED) {
                    Await.until(
                            "the destination's end",
                            () -> pair.destination.migration().status() == MigrationStatus.FAILED);
                    pair.assertStayed();
                    return;
                }
                Await.until(
                        "the destination's word",
                        () -> isOver(pair.destination.migration().status()));
                assertThat(pair.sourceMachine.isRunning()).isFalse();
                if (pair.destination.migration().status() == MigrationStatus.POSTCOPY_PAUSED) {
                    journey.recover();
                    journey.awaitArrival();
                    pair.assertArrived();
                } else {
                    assertThat(pair.destinationMachine.isRunning()).isFalse();
                    assertThat(pair.source.migration().errorDescription().orElseThrow())
                            .contains("has not said yet whether it got as far as to run the guest");
                }
            });
        }
    }

    private static boolean isOver(MigrationStatus status) {
        return status == MigrationStatus.FAILED || status == MigrationStatus.POSTCOPY_PAUSED;
    }

    @ParameterizedTest(name = "preempt {0}")
    @ValueSource(booleans = {false, true})
    void a_guest_whose_source_has_ended_waits_and_never_sees_zeros(boolean preempt) throws Exception {
        travel(RamBacking.ANONYMOUS, preempt, new Random(31), (journey, pair) -> {
            journey.atMost(1 << 20).begin(0).awaitDeparture();
            Await.until(
                    "some faults",
                    () -> pair.source.migration().ram().orElseThrow().postcopyRequests() > 20);
            pair.source.quit();
            assertThat(pair.source.end().get())
                    .isInstanceOfSatisfying(
                            MachineEnd.GuestLost.class,
                            lost -> assertThat(lost.toString()).contains("MiB"));
            pair.source.close();

            Await.until(
                    "a destination that waits",
                    () -> pair.destination.migration().status() == MigrationStatus.POSTCOPY_PAUSED);
            assertThat(pair.destination.migration().errorDescription()).isPresent();
            awaitStandstill(pair);
            assertThat(pair.destination.runStatus()).isEqualTo(RunStatus.RUNNING);
            assertThat(pair.destinationMachine.statistics().damagedPages()).isZero();
            assertThatThrownBy(pair.destination::migratePause).isInstanceOf(ControlException.class);
        });
    }

    @ParameterizedTest
    @CsvSource({"ANONYMOUS, false, 51", "ANONYMOUS, true, 52", "MEMFD, true, 53", "HUGETLB_2M, true, 54"})
    void a_source_that_is_told_so_gives_memory_back_while_the_guest_is_followed(
            RamBacking backing, boolean preempt, long seed) throws Exception {
        travel(backing, preempt, new Random(seed), (journey, pair) -> {
            pair.source.setCapabilities(Map.of(MigrationCapability.RELEASE_RAM, true));
            long zeroBefore = zeroPages(pair.sourceMachine);
            journey.atMost(4 << 20).begin(100).awaitDeparture();
            Await.until(
                    "pages that were sent are gone",
                    () -> zeroPages(pair.sourceMachine) > zeroBefore + RAM_BYTES / Page.SIZE_BYTES / 4);
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.POSTCOPY_ACTIVE);
            journey.atMost(0).awaitArrival();

            pair.assertArrived();
            assertThat(zeroPages(pair.sourceMachine)).isEqualTo(RAM_BYTES / Page.SIZE_BYTES);
        });
    }

    @Test
    void a_source_that_gives_memory_back_cannot_come_back() throws Exception {
        travel(RamBacking.ANONYMOUS, false, new Random(55), (journey, pair) -> {
            pair.source.setCapabilities(Map.of(MigrationCapability.RELEASE_RAM, true));
            journey.atMost(1 << 20).begin(0).awaitDeparture();
            pair.source.migratePause();
            Await.until("a pause", () -> pair.source.migration().status() == MigrationStatus.POSTCOPY_PAUSED);

            assertThatThrownBy(() -> pair.source.migrate(pair.uri, true)).hasMessageContaining("release-ram");
        });
    }

    private static long zeroPages(WorkloadMachine machine) {
        return LongStream.range(0, RAM_BYTES / Page.SIZE_BYTES)
                .filter(page -> ZeroPages.isZero(machine.memory().block(0), page * Page.SIZE_BYTES))
                .count();
    }

    /** They are a few bytes each of the connection; were they pages for the limit, this would take six minutes. */
    @Test
    @Timeout(120)
    void the_limit_counts_what_goes_over_the_connection() throws Exception {
        WorkloadOptions zero = WorkloadOptions.ofRam(96 << 20)
                .withMaking(new PageMaking(WorkloadContent.RANDOM, 100, Page.SIZE_BYTES))
                .withLoad(WorkloadLoad.of(0, WorkloadPattern.RANDOM));
        try (HostPair pair = new HostPair(folder, zero);
                PostcopyJourney journey =
                        new PostcopyJourney(pair.source, pair.destination, folder, new Random(41), false)) {
            journey.atMost(256 << 10).begin(0).awaitDeparture().awaitArrival();

            pair.assertArrived();
            assertThat(pair.source.migration().ram().orElseThrow().duplicatePages())
                    .isGreaterThan(20_000);
        }
    }

    /** All of its vCPUs wait for pages: they write nothing any more. */
    private static void awaitStandstill(HostPair pair) throws InterruptedException {
        Await.until("a guest that stands still", () -> {
            long before = pair.destinationMachine.statistics().writtenPages();
            Thread.sleep(500); // no event tells that nothing happens
            return pair.destinationMachine.statistics().writtenPages() == before;
        });
    }
}
