package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.DirtyRateReport;
import dev.godwit.engine.migration.MachineEvent.Resumed;
import dev.godwit.engine.migration.MachineEvent.StatusChanged;
import dev.godwit.engine.migration.MachineEvent.Stopped;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.linux.HugePages;
import dev.godwit.testkit.Await;
import dev.godwit.workload.PageMaking;
import dev.godwit.workload.WorkloadContent;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines of ours that migrate under load between two hosts, over real sockets; each page is verified. */
@Timeout(300)
class GuestHostTest {

    private static final long RAM_BYTES = 16L << 20;

    @TempDir
    private Path folder;

    private static WorkloadOptions machine() {
        return WorkloadOptions.ofRam(RAM_BYTES).withLoad(WorkloadLoad.of(2000, WorkloadPattern.RANDOM));
    }

    private HostPair pair() throws IOException, ControlException {
        return new HostPair(folder, machine()).with(MigrationCapability.RETURN_PATH, MigrationCapability.EVENTS);
    }

    @Test
    void a_running_guest_moves_and_nothing_of_it_is_lost() throws Exception {
        try (HostPair pair = pair()) {
            pair.migrate();
            pair.assertArrived();
            assertThat(pair.eventsWithoutPasses())
                    .containsExactly(
                            new Resumed(),
                            new StatusChanged(MigrationStatus.SETUP),
                            new StatusChanged(MigrationStatus.ACTIVE),
                            new Stopped(),
                            new StatusChanged(MigrationStatus.DEVICE),
                            new StatusChanged(MigrationStatus.COMPLETED));
            MigrationReport report = pair.source.migration();
            assertThat(report.downtimeMs()).isPresent();
            assertThat(report.ram().orElseThrow().remainingBytes()).isZero();
            assertThat(report.ram().orElseThrow().normalPages()).isGreaterThanOrEqualTo(RAM_BYTES / 4096);
            assertThat(report.ram().orElseThrow().dirtySyncCount()).isGreaterThanOrEqualTo(2);
        }
    }

    @Test
    void the_source_never_runs_again_and_does_not_migrate_again() throws Exception {
        try (HostPair pair = pair()) {
            pair.migrate();
            assertThatThrownBy(pair.source::cont)
                    .isInstanceOf(ControlException.class)
                    .hasMessageContaining("postmigrate");
            pair.awaitIdle();
            assertThatThrownBy(() -> pair.source.migrate(pair.uri, false))
                    .hasMessage("Can't migrate the vm that was paused due to previous migration");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "none, 1, multifd",
        "none, 2, legacy",
        "none, 4, none",
        "zlib, 2, multifd",
        "zstd, 3, multifd",
        "zstd, 2, legacy"
    })
    void a_guest_moves_over_several_channels(String compression, long channels, String detection) throws Exception {
        WorkloadOptions compressible = machine().withMaking(new PageMaking(WorkloadContent.COMPRESSIBLE, 20, 4096));
        try (HostPair pair = new HostPair(folder, compressible)
                .with(MigrationCapability.RETURN_PATH, MigrationCapability.MULTIFD)
                .with(MigrationParameter.MULTIFD_CHANNELS, channels)
                .with(MigrationParameter.MULTIFD_COMPRESSION, compression)
                .with(MigrationParameter.ZERO_PAGE_DETECTION, detection)) {
            pair.migrate();
            pair.assertArrived();
            assertThat(pair.source.migration().ram().orElseThrow().multifdBytes())
                    .isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"main channel", "multifd"})
    void a_guest_on_huge_pages_moves(String way) throws Exception {
        long free = HugePages.pools().stream()
                .filter(pool -> pool.pageSizeBytes() == 2 << 20)
                .mapToLong(HugePages::freePages)
                .sum();
        assumeTrue(free >= 16, "two machines on huge pages need 16 free ones of 2 MiB: sudo sysctl vm.nr_hugepages=16");
        WorkloadOptions huge = machine().withRam(RamOptions.of(RamBacking.HUGETLB_2M));
        try (HostPair pair = new HostPair(folder, huge).with(MigrationCapability.RETURN_PATH)) {
            if (way.equals("multifd")) {
                pair.with(MigrationCapability.MULTIFD);
            }
            pair.migrate();
            assertThat(pair.sourceMachine.memory().hostPageBytes().getFirst()).isEqualTo(2 << 20);
            pair.assertArrived();
        }
    }

    @Test
    void a_guest_moves_as_differences() throws Exception {
        WorkloadOptions options = machine()
                .withMaking(new PageMaking(WorkloadContent.RANDOM, 0, 64))
                .withLoad(WorkloadLoad.of(20_000, WorkloadPattern.ZIPF).withWorkingSetBytes(4L << 20));
        try (HostPair pair = new HostPair(folder, options)
                .with(MigrationCapability.RETURN_PATH, MigrationCapability.XBZRLE)
                .with(MigrationParameter.MAX_BANDWIDTH, 16L << 20)
                .with(MigrationParameter.DOWNTIME_LIMIT, 20L)) {
            pair.migrate();
            pair.assertArrived();
            assertThat(pair.source.migration().xbzrle()).isPresent();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = MigrationCapability.class,
            names = {
                "AUTO_CONVERGE",
                "SWITCHOVER_ACK",
                "VALIDATE_UUID",
                "RELEASE_RAM",
                "ZERO_BLOCKS",
                "LATE_BLOCK_ACTIVATE"
            })
    void a_guest_moves_with_each_capability(MigrationCapability capability) throws Exception {
        WorkloadOptions options = machine().withUuid(new UUID(1, 2));
        try (HostPair pair = new HostPair(folder, options).with(MigrationCapability.RETURN_PATH, capability)) {
            pair.migrate();
            pair.assertArrived();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"qemu", "brief", "xen"})
    void a_guest_moves_by_each_policy(String policy) throws Exception {
        try (HostPair pair = pair()) {
            pair.source.setParameters(Map.of(MigrationParameter.X_POLICY, policy));
            pair.migrate();
            pair.assertArrived();
        }
    }

    @Test
    void a_guest_waits_before_the_switchover_until_it_is_told_to_go_on() throws Exception {
        try (HostPair pair = pair().with(MigrationCapability.PAUSE_BEFORE_SWITCHOVER)) {
            pair.begin();
            Await.until("pre-switchover", () -> pair.source.migration().status() == MigrationStatus.PRE_SWITCHOVER);
            assertThat(pair.source.runStatus()).isEqualTo(RunStatus.FINISH_MIGRATE);
            assertThatThrownBy(pair.source::cont).hasMessage("Migration is not finalized yet");
            assertThatThrownBy(() -> pair.source.migrateContinue(MigrationStatus.DEVICE))
                    .hasMessage("Migration not in expected state: pre-switchover");
            pair.source.migrateContinue(MigrationStatus.PRE_SWITCHOVER);
            pair.awaitEnd();
            Await.until("the guest", () -> pair.destination.migration().status() == MigrationStatus.COMPLETED);
            pair.assertArrived();
        }
    }

    @Test
    void a_guest_that_waits_before_the_switchover_goes_on_when_it_is_cancelled() throws Exception {
        try (HostPair pair = pair().with(MigrationCapability.PAUSE_BEFORE_SWITCHOVER)) {
            pair.begin();
            Await.until("pre-switchover", () -> pair.source.migration().status() == MigrationStatus.PRE_SWITCHOVER);
            pair.source.migrateCancel();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.CANCELLED);
            pair.assertStayed();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void cancelled_at_any_moment_exactly_one_side_runs_seed(long seed) throws Exception {
        try (HostPair pair = pair()) {
            if (seed % 3 == 0) {
                pair.with(MigrationCapability.MULTIFD);
            }
            pair.with(MigrationParameter.MAX_BANDWIDTH, 64L << 20).begin();
            long untilNs = System.nanoTime() + new Random(seed).nextLong(400_000_000L);
            while (System.nanoTime() - untilNs < 0
                    && pair.source.migration().status().isUnderWay()) {
                Thread.onSpinWait();
            }
            pair.source.migrateCancel();
            pair.awaitEnd();
            if (pair.source.migration().status() == MigrationStatus.COMPLETED) {
                Await.until("the guest", () -> pair.destination.migration().status() == MigrationStatus.COMPLETED);
                pair.assertArrived();
            } else {
                assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.CANCELLED);
                Await.until(
                        "the destination's end",
                        () -> pair.destination.migration().status() == MigrationStatus.FAILED);
                pair.assertStayed();
            }
        }
    }

    @Test
    void after_a_cancellation_the_guest_migrates_to_another_one() throws Exception {
        try (HostPair first = pair().with(MigrationParameter.MAX_BANDWIDTH, 4L << 20)) {
            first.begin();
            Await.until("active", () -> first.source.migration().status() == MigrationStatus.ACTIVE);
            first.source.migrateCancel();
            first.awaitEnd();
            first.assertStayed();
            try (WorkloadMachine another = WorkloadMachine.incoming(machine());
                    GuestHost next = new GuestHost(another, Optional.empty(), true)) {
                first.source.setParameters(Map.of(MigrationParameter.MAX_BANDWIDTH, 0L));
                String uri = "unix:" + folder.resolve("next.sock");
                next.migrateIncoming(uri, false);
                first.source.migrate(uri, false);
                Await.until("the guest", () -> next.migration().status() == MigrationStatus.COMPLETED);
                HostPair.assertSound(next, another);
            }
        }
    }

    @Test
    void a_destination_that_is_to_stay_paused_does() throws Exception {
        try (HostPair pair = pair()) {
            pair.destination.stop();
            pair.migrate();
            assertThat(pair.destination.runStatus()).isEqualTo(RunStatus.PAUSED);
            HostPair.assertSound(pair.destination, pair.destinationMachine);
            pair.destination.cont();
            assertThat(pair.destinationMachine.isRunning()).isTrue();
        }
    }

    @Test
    void a_guest_that_was_paused_arrives_paused() throws Exception {
        try (HostPair pair = pair()) {
            pair.source.stop();
            pair.migrate();
            assertThat(pair.destination.runStatus()).isEqualTo(RunStatus.PAUSED);
            HostPair.assertSound(pair.destination, pair.destinationMachine);
        }
    }

    @Test
    void nobody_listens_and_the_guest_goes_on() throws Exception {
        try (HostPair pair = pair()) {
            pair.source.migrate("unix:" + folder.resolve("nobody"), false);
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            assertThat(pair.source.migration().errorDescription().orElseThrow()).contains("no such socket");
            assertThat(pair.source.migration().ram()).isEmpty();
            pair.assertStayed();
        }
    }

    @Test
    void commands_at_the_wrong_time_are_refused_in_qemus_words() throws Exception {
        try (HostPair pair = pair().with(MigrationParameter.MAX_BANDWIDTH, 1L << 20)) {
            GuestHost source = pair.source;
            assertThatThrownBy(() -> source.migrate(pair.uri, true))
                    .hasMessage("Cannot resume if there is no paused migration");
            assertThatThrownBy(() -> source.migrate("foo:bar", false))
                    .hasMessage("unknown migration protocol: foo:bar");
            assertThatThrownBy(() -> source.migrateIncoming(pair.uri, true))
                    .hasMessage("'-incoming' was not specified on the command line");
            assertThatThrownBy(() -> pair.destination.migrate(pair.uri, false))
                    .hasMessage("Guest is waiting for an incoming migration");
            source.migrateCancel();
            pair.begin();
            assertThatThrownBy(() -> source.migrate(pair.uri, false))
                    .hasMessage("There's a migration process in progress");
            assertThatThrownBy(() -> source.setCapabilities(Map.of(MigrationCapability.XBZRLE, true)))
                    .hasMessage("There's a migration process in progress");
            assertThatThrownBy(() -> source.whilePaused(_ -> true))
                    .hasMessage("There's a migration process in progress");
            assertThatThrownBy(() -> pair.destination.migrateIncoming(pair.uri, true))
                    .hasMessage("The incoming migration has already been started");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = MigrationCapability.class,
            names = {"RDMA_PIN_ALL", "X_COLO", "ZERO_COPY_SEND", "DIRTY_LIMIT", "X_IGNORE_SHARED", "DIRTY_BITMAPS"})
    void what_is_not_supported_is_refused_by_name(MigrationCapability capability) throws Exception {
        try (HostPair pair = pair()) {
            assertThatThrownBy(() -> pair.source.setCapabilities(Map.of(capability, true)))
                    .hasMessageContaining("'" + capability.word() + "' is not supported");
            pair.source.setCapabilities(Map.of(capability, false));
        }
    }

    @Test
    void capabilities_that_do_not_go_together_are_refused_and_none_is_changed() throws Exception {
        try (HostPair pair = new HostPair(folder, machine())) {
            assertThatThrownBy(() -> pair.with(
                            MigrationCapability.EVENTS, MigrationCapability.MULTIFD, MigrationCapability.XBZRLE))
                    .hasMessage("Multifd is not compatible with xbzrle");
            assertThatThrownBy(() -> pair.with(MigrationCapability.SWITCHOVER_ACK))
                    .hasMessage("Capability 'switchover-ack' requires capability 'return-path'");
            assertThat(pair.source.capabilities()).doesNotContainValue(true);
            pair.with(MigrationCapability.MULTIFD);
            assertThatThrownBy(() -> pair.source.migrate("exec:cat", false))
                    .hasMessage("Migration requires multi-channel URIs (e.g. tcp)");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"page-sampling", "dirty-bitmap"})
    void the_dirty_rate_is_measured(String mode) throws Exception {
        WorkloadLoad busy = WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, WorkloadPattern.RANDOM);
        try (HostPair pair = new HostPair(folder, machine().withLoad(busy))) {
            assertThat(pair.source.dirtyRate().status()).isEqualTo("unstarted");
            pair.source.calcDirtyRate(1000, Optional.of(mode), OptionalLong.empty());
            Await.until("a result", () -> !pair.source.dirtyRate().status().equals("measuring"));
            DirtyRateReport report = pair.source.dirtyRate();
            assertThat(report.status()).isEqualTo("measured");
            assertThat(report.dirtyRateMebibytesPerSecond().orElseThrow()).isBetween(1L, 18L);
            pair.source.stop();
            pair.source.calcDirtyRate(100, Optional.of(mode), OptionalLong.empty());
            Await.until("a result", () -> !pair.source.dirtyRate().status().equals("measuring"));
            assertThat(pair.source.dirtyRate().dirtyRateMebibytesPerSecond()).hasValue(0);
        }
    }

    @Test
    void quitting_ends_a_migration_first() throws Exception {
        HostPair pair = pair().with(MigrationParameter.MAX_BANDWIDTH, 1L << 20).begin();
        pair.source.quit();
        assertThat(pair.source.end().get()).isEqualTo(new MachineEnd.Quit("host-qmp-quit"));
        pair.close();
        assertThat(pair.destination.migration().status()).isEqualTo(MigrationStatus.FAILED);
    }

    @Test
    void a_failed_arrival_ends_the_machine_where_it_is_told_to() throws Exception {
        try (WorkloadMachine machine = WorkloadMachine.incoming(machine());
                GuestHost host = new GuestHost(machine, Optional.empty(), true)) {
            host.migrateIncoming("exec:echo no stream", true);
            assertThat(host.end().get()).isInstanceOf(MachineEnd.IncomingFailed.class);
            assertThat(host.migration().status()).isEqualTo(MigrationStatus.FAILED);
        }
    }
}
