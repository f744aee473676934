package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.host.DemandLoad;
import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.kvm.KvmMachineOptions.DirtyTracking;
import dev.godwit.linux.Kvm;
import dev.godwit.operations.machine.LoadOptions.Mode;
import dev.godwit.testkit.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A real guest that checks its own memory migrates live from machine to machine, over sockets. */
@Timeout(900)
class KvmGuestHostTest {

    private static final long RAM_BYTES = 8L << 20;

    /** Built and described there; see its README. */
    private static final Path MEMORY_GUEST = Path.of("..", "kvm", "src", "test", "resources", "memory-guest.bin");

    @TempDir
    private Path folder;

    private final SerialLines lines = new SerialLines();

    @BeforeAll
    static void needs_kvm() {
        assumeThat(Kvm.probe())
                .as("there is no KVM here for this user: KVM's machine is not migrated")
                .isInstanceOf(Kvm.Support.Available.class);
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @CsvSource({"kvm-bitmap, 1", "kvm-ring, 2", "pagemap-scan, 3"})
    void a_guest_of_two_vcpus_moves_on_by_every_policy_and_finds_its_memory_right(String method, long seed)
            throws Exception {
        assumeTrue(
                !method.equals(PagemapDirtyLog.METHOD)
                        || PagemapDirtyLog.missing().isEmpty(),
                "this host cannot track writes by PAGEMAP_SCAN: godwit doctor says why");
        assertThat(Files.exists(MEMORY_GUEST)).isTrue();
        GuestHost here = host(method, new Boot.Flat(MEMORY_GUEST, "pages=64 report=8 seed=" + seed), false);
        try {
            here.cont();
            awaitBothVcpus();
            int hop = 0;
            for (String policy : new String[] {"qemu", "brief", "xen", "qemu"}) {
                GuestHost there = host(method, new Boot.Incoming(), true);
                try {
                    migrate(here, there, method, policy, "unix:" + folder.resolve("hop" + hop++));
                } finally {
                    here.close();
                    here = there;
                }
                lines.forget();
                awaitBothVcpus();
            }
        } finally {
            here.close();
        }
    }

    @Test
    void background_snapshots_of_a_running_guest_go_on_where_it_was_and_so_does_it() throws Exception {
        Optional<String> missing = UserfaultfdWriteTracking.missing(true);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
        Path file = folder.resolve("guest.gw");
        try (GuestHost host = host("kvm-bitmap", new Boot.Flat(MEMORY_GUEST, "pages=64 report=8 seed=5"), false)) {
            host.cont();
            awaitBothVcpus();
            host.setCapabilities(
                    Map.of(MigrationCapability.BACKGROUND_SNAPSHOT, true, MigrationCapability.MAPPED_RAM, true));
            long faults = 0; // a snapshot may be over before the guest, which is slow here, has written
            for (int round = 0; round < 5 || (faults == 0 && round < 100); round++) {
                host.migrate("file:" + file, false);
                Await.until("the snapshot", () -> !host.migration().status().isUnderWay());
                assertThat(host.migration().errorDescription()).isEmpty();
                assertThat(host.runStatus()).isEqualTo(RunStatus.RUNNING);
                faults += host.migration().writeFaults().orElseThrow().faults();
                lines.forget();
                awaitBothVcpus();
            }
            assertThat(faults).isPositive();
        }
        lines.forget();
        KvmMachineOptions options =
                KvmMachineOptions.of(new Boot.Incoming()).withVcpus(2).withSerialOutput(lines);
        MachineKind.Made made = new KvmKind(options, RAM_BYTES, RamOptions.of(RamBacking.ANONYMOUS)).make(true);
        try (LiveMachine _ = LiveMachine.load(made.machine(), file)) {
            awaitBothVcpus();
        }
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource({"EAGER, ANONYMOUS", "LAZY, ANONYMOUS", "LAZY, MEMFD"})
    void a_guest_goes_on_from_a_file_and_finds_its_memory_right(Mode mode, RamBacking backing) throws Exception {
        Path file = folder.resolve("guest");
        try (GuestHost here = host("kvm-bitmap", new Boot.Flat(MEMORY_GUEST, "pages=64 report=8 seed=5"), false)) {
            here.setCapabilities(Map.of(MigrationCapability.MAPPED_RAM, true));
            here.cont();
            awaitBothVcpus();
            here.migrate("file:" + file, false);
            Await.until(
                    "the end of the migration", () -> !here.migration().status().isUnderWay());
            assertThat(here.migration().errorDescription()).isEmpty();
        }
        for (int time = 0; time < 3; time++) {
            lines.forget();
            MachineKind.Made made = made("kvm-bitmap", new Boot.Incoming(), true, backing);
            try (GuestHost there = new GuestHost(made.machine(), Optional.empty(), true)) {
                made.attach(there);
                Optional<String> refusal = DemandLoad.refusal(made.machine().memory(), true);
                assumeTrue(mode == Mode.EAGER || refusal.isEmpty(), () -> "skipped: " + refusal.orElseThrow());
                there.load(new LoadOptions(file, 0, true, mode, 1, false, Optional.empty()));
                assertThat(there.runStatus()).isEqualTo(RunStatus.RUNNING);
                awaitBothVcpus();
                Await.until("all of memory", () -> there.migration().status() == MigrationStatus.COMPLETED);
            }
        }
    }

    @ParameterizedTest(name = "preempt {0}")
    @ValueSource(booleans = {false, true})
    void a_guest_of_two_vcpus_arrives_by_postcopy_and_finds_its_memory_right(boolean preempt) throws Exception {
        List<String> refusals = PostcopySupport.of(RamBacking.ANONYMOUS, true).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy of KVM guests here: " + refusals);
        String uri = "unix:" + folder.resolve("postcopy");
        MachineKind.Made source = made(
                "kvm-bitmap", new Boot.Flat(MEMORY_GUEST, "pages=64 report=8 seed=4"), false, RamBacking.ANONYMOUS);
        MachineKind.Made made = made("kvm-bitmap", new Boot.Incoming(), true, RamBacking.ANONYMOUS);
        try (GuestHost here = new GuestHost(source.machine(), Optional.empty(), false);
                GuestHost there =
                        new GuestHost(made.machine(), Optional.empty(), true, Optional.of(made.postcopyRam()))) {
            source.attach(here);
            made.attach(there);
            here.cont();
            awaitBothVcpus();
            here.stop();
            there.setCapabilities(Map.of(
                    MigrationCapability.POSTCOPY_RAM,
                    true,
                    MigrationCapability.POSTCOPY_PREEMPT,
                    preempt,
                    MigrationCapability.POSTCOPY_BLOCKTIME,
                    true));
            there.migrateIncoming(uri, false);
            Machine guest = source.machine();
            new PostcopyFeed(guest.memory(), guest.type(), guest.save(), uri, preempt)
                    .atMost(1 << 20)
                    .send();

            Await.until("the guest", () -> there.migration().status() == MigrationStatus.COMPLETED);
            lines.forget();
            awaitBothVcpus();
            PostcopyReport report = there.migration().postcopy().orElseThrow();
            assertThat(report.latencies().faults()).isPositive();
            assertThat(report.vcpuBlocktimeMs()).hasSize(2);
        }
    }

    private static void migrate(GuestHost here, GuestHost there, String method, String policy, String uri)
            throws Exception {
        Map<MigrationCapability, Boolean> on = Map.of(MigrationCapability.RETURN_PATH, true);
        here.setCapabilities(on);
        there.setCapabilities(on);
        // Slow enough for several passes over so little memory.
        here.setParameters(Map.of(
                MigrationParameter.X_DIRTY_LOG,
                method,
                MigrationParameter.X_POLICY,
                policy,
                MigrationParameter.MAX_BANDWIDTH,
                32L << 20,
                MigrationParameter.DOWNTIME_LIMIT,
                20L));
        there.migrateIncoming(uri, false);
        here.migrate(uri, false);
        Await.until("the end of the migration", () -> !here.migration().status().isUnderWay());
        assertThat(here.migration().errorDescription()).isEmpty();
        assertThat(here.runStatus()).isEqualTo(RunStatus.POSTMIGRATE);
        Await.until("the guest", () -> there.migration().status() == MigrationStatus.COMPLETED);
        assertThat(there.runStatus()).isEqualTo(RunStatus.RUNNING);
        assertThat(here.migration().ram().orElseThrow().dirtySyncCount()).isGreaterThanOrEqualTo(2);
    }

    private GuestHost host(String method, Boot boot, boolean incoming) throws Exception {
        MachineKind.Made made = made(method, boot, incoming, RamBacking.ANONYMOUS);
        GuestHost host = new GuestHost(made.machine(), Optional.empty(), incoming);
        made.attach(host);
        return host;
    }

    private MachineKind.Made made(String method, Boot boot, boolean incoming, RamBacking backing) throws Exception {
        DirtyTracking tracking = method.equals("kvm-ring") ? new DirtyTracking.Ring(4096) : new DirtyTracking.Bitmap();
        KvmMachineOptions options = KvmMachineOptions.of(boot)
                .withVcpus(2)
                .withDirtyTracking(tracking)
                .withSerialOutput(lines);
        return new KvmKind(options, RAM_BYTES, RamOptions.of(backing)).make(incoming);
    }

    private void awaitBothVcpus() throws InterruptedException {
        lines.await("OK vcpu 0");
        lines.await("OK vcpu 1");
    }
}
