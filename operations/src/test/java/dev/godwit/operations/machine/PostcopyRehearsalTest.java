package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PostcopyRehearsalTest {

    private static long openDescriptors() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.count();
        }
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(List.of("fault", "incoming", "postcopy-receive", "preempt", "return-path")::contains)
                .toList();
    }

    @Test
    void a_rehearsal_is_a_whole_postcopy_and_leaves_nothing_behind() throws Exception {
        List<String> refusals = PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy here: " + refusals);
        assertThat(PostcopyRehearsal.rehearse()).isTrue();
        Await.until("an end of all its threads", () -> threads().isEmpty());
        long before = openDescriptors();

        assertThat(PostcopyRehearsal.rehearse()).isTrue();

        Await.until("an end of all its threads", () -> threads().isEmpty());
        assertThat(openDescriptors()).isLessThanOrEqualTo(before);
    }

    @Test
    void it_is_made_when_postcopy_is_switched_on_and_at_no_other_time() throws IOException, ControlException {
        AtomicInteger rehearsals = new AtomicInteger();
        try (GuestHost host =
                new GuestHost(WorkloadMachine.create(WorkloadOptions.ofRam(1 << 20)), Optional.of("source"), false)) {
            host.whenPostcopyIsWanted(rehearsals::incrementAndGet);

            host.setCapabilities(Map.of(MigrationCapability.EVENTS, true));
            host.setCapabilities(Map.of(MigrationCapability.POSTCOPY_RAM, false));
            assertThat(rehearsals).hasValue(0);
            host.setCapabilities(Map.of(MigrationCapability.POSTCOPY_RAM, true));
            assertThat(rehearsals).hasValue(1);
        }
    }
}
