package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.ram.RamLayout;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What Flight Recorder sees of a restore into a stock QEMU is what the restore says of itself. */
@Timeout(600)
class LazyRestoreEventsTest {

    @TempDir
    private Path folder = Path.of("");

    private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals("dev.godwit." + name))
                .toList();
    }

    @Test
    void each_request_of_the_guest_its_start_and_the_totals_are_recorded() throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc");
        Path file = folder.resolve("snapshot");
        String checksum = LazyRestoreTest.snapshot(launch, file);
        Path recorded = folder.resolve("restore.jfr");
        LazyRestoreResult result;
        try (Recording recording = new Recording();
                QemuProcess destination = launch.incoming("defer").start()) {
            for (String name : List.of("GuestRuns", "PageRequest", "PostcopyTotals")) {
                recording.enable("dev.godwit." + name);
            }
            recording.start();
            result = LazyRestoreTest.restore(LazyRestoreTest.into(destination, file));
            recording.stop();
            recording.dump(recorded);
            Checks.assertGuestGoesOn(destination, checksum);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(recorded);
        RecordedEvent runs = named(events, "GuestRuns").getFirst();
        assertThat(named(events, "GuestRuns")).hasSize(1);
        assertThat(runs.getString("machineType")).isEqualTo(result.machineType());
        assertThat(runs.getDuration("untilRun")).isEqualTo(result.untilRun().orElseThrow());
        assertRequests(named(events, "PageRequest"), result.pages(), file);
        assertTotals(named(events, "PostcopyTotals"), result.pages());
    }

    private static void assertRequests(List<RecordedEvent> requests, PostcopyCounters.Totals pages, Path file)
            throws Exception {
        assertThat(requests).isNotEmpty();
        assertThat((long) requests.size()).isEqualTo(pages.requests());
        assertThat(requests.stream().mapToLong(event -> event.getLong("bytes")).sum())
                .isEqualTo(pages.requestedBytes());
        assertThat(requests.stream().filter(event -> event.getBoolean("zero")).count())
                .isEqualTo(pages.zeroAnswers());
        assertThat(requests.stream()
                        .mapToLong(event -> event.getDuration("latency").toNanos())
                        .max())
                .hasValue(pages.longestNs());
        assertThat(requests.stream().map(event -> event.getInt("block") + " " + event.getLong("hostPage")))
                .doesNotHaveDuplicates();
        try (Snapshot snapshot = Snapshot.open(file)) {
            RamLayout layout = snapshot.layout();
            assertThat(requests)
                    .allMatch(event -> event.getLong("hostPage")
                            < layout.block(event.getInt("block")).pages());
        }
    }

    private static void assertTotals(List<RecordedEvent> totals, PostcopyCounters.Totals pages) {
        RecordedEvent last = totals.getLast();
        assertThat(totals.stream().filter(event -> event.getBoolean("complete")))
                .containsExactly(last);
        assertThat(last.getLong("requests")).isEqualTo(pages.requests());
        assertThat(last.getLong("requestedBytes")).isEqualTo(pages.requestedBytes());
        assertThat(last.getLong("pushedBytes")).isEqualTo(pages.pushedBytes());
        assertThat(last.getLong("bytesToPush")).isZero();
        assertThat(last.getDuration("medianLatency")).hasNanos(pages.medianNs());
        assertThat(last.getDuration("p99Latency")).hasNanos(pages.p99Ns());
        assertThat(last.getDuration("longestLatency")).hasNanos(pages.longestNs());
        assertThat(totals.stream().map(event -> event.getLong("pushedBytes"))).isSorted();
    }
}
