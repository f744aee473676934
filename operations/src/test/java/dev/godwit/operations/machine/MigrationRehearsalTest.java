package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.operations.machine.MigrationRehearsal.Way;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class MigrationRehearsalTest {

    private static long openDescriptors() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.count();
        }
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(
                        List.of(
                                "fault",
                                "incoming",
                                "postcopy-receive",
                                "precopy",
                                "preempt",
                                "return-path",
                                "multifd-0")::contains)
                .toList();
    }

    @ParameterizedTest
    @EnumSource
    void a_rehearsal_is_a_whole_migration_and_leaves_nothing_behind(Way way) throws Exception {
        if (way == Way.POSTCOPY) {
            List<String> refusals =
                    PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals();
            assumeTrue(refusals.isEmpty(), "no postcopy here: " + refusals);
        }
        assertThat(MigrationRehearsal.rehearse(way)).isTrue();
        Await.until("an end of all its threads", () -> threads().isEmpty());
        long before = openDescriptors();

        assertThat(MigrationRehearsal.rehearse(way)).isTrue();

        Await.until("an end of all its threads", () -> threads().isEmpty());
        assertThat(openDescriptors()).isLessThanOrEqualTo(before);
    }

    @Test
    void what_is_switched_on_is_what_is_rehearsed() throws IOException, ControlException {
        List<Way> expected = new ArrayList<>();
        try (GuestHost host =
                new GuestHost(WorkloadMachine.create(WorkloadOptions.ofRam(1 << 20)), Optional.of("source"), false)) {
            host.whenMigrationIsExpected(expected::add);

            host.setCapabilities(Map.of(MigrationCapability.POSTCOPY_RAM, false));
            host.setParameters(Map.of(MigrationParameter.MAX_BANDWIDTH, 0L));
            assertThat(expected).isEmpty();
            host.setCapabilities(Map.of(MigrationCapability.EVENTS, true));
            host.setCapabilities(Map.of(MigrationCapability.MULTIFD, true));
            host.setParameters(Map.of(MigrationParameter.MULTIFD_COMPRESSION, "zstd"));
            host.setParameters(Map.of(MigrationParameter.MULTIFD_COMPRESSION, "zlib"));
            host.setCapabilities(Map.of(MigrationCapability.MULTIFD, false, MigrationCapability.POSTCOPY_RAM, true));
            host.setCapabilities(Map.of(MigrationCapability.POSTCOPY_RAM, false));
            assertThat(expected)
                    .containsExactly(Way.PRECOPY, Way.MULTIFD, Way.MULTIFD_ZSTD, Way.MULTIFD_ZLIB, Way.POSTCOPY);
        }
    }

    @Test
    void nothing_is_rehearsed_for_a_file() throws IOException, ControlException {
        List<Way> expected = new ArrayList<>();
        try (GuestHost host =
                new GuestHost(WorkloadMachine.create(WorkloadOptions.ofRam(1 << 20)), Optional.of("source"), false)) {
            host.whenMigrationIsExpected(expected::add);

            host.setCapabilities(Map.of(MigrationCapability.MAPPED_RAM, true, MigrationCapability.MULTIFD, true));

            assertThat(expected).isEmpty();
        }
    }

    @Test
    void a_machine_that_is_to_wait_for_a_guest_has_rehearsed_before_it_listens(@TempDir Path folder)
            throws IOException, ControlException {
        List<String> expected = new ArrayList<>();
        Path socket = folder.resolve("migration.sock");
        try (GuestHost host =
                new GuestHost(WorkloadMachine.incoming(WorkloadOptions.ofRam(1 << 20)), Optional.empty(), true)) {
            host.whenMigrationIsExpected(way -> expected.add(way + (Files.exists(socket) ? " too late" : "")));

            host.migrateIncoming("unix:" + socket, false);

            assertThat(expected).containsExactly("PRECOPY");
            assertThat(socket).exists();
        }
    }
}
