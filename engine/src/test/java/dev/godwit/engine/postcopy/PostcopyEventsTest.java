package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Flight Recorder has of a postcopy. */
class PostcopyEventsTest {

    @TempDir
    private Path folder = Path.of("");

    @Test
    void each_request_the_start_and_the_totals_are_events() throws Exception {
        Path file = folder.resolve("recording.jfr");
        PostcopyCounters counters = new PostcopyCounters();
        try (Recording recording = new Recording()) {
            recording.enable("dev.godwit.GuestRuns");
            recording.enable("dev.godwit.PageRequest");
            recording.enable("dev.godwit.PostcopyTotals");
            recording.start();
            PostcopyEvents.guestRuns("pc-q35-10.0", 24_000_000);
            counters.served(new PagePlace(1, 7), 4096, false, 1_500_000);
            counters.pushed(65536);
            PostcopyEvents.totals(counters, 8192, true);
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(file);
        assertThat(events)
                .extracting(event -> event.getEventType().getName())
                .containsExactly("dev.godwit.GuestRuns", "dev.godwit.PageRequest", "dev.godwit.PostcopyTotals");
        assertThat(events.get(0).getString("machineType")).isEqualTo("pc-q35-10.0");
        assertThat(events.get(0).getDuration("untilRun")).hasMillis(24);
        assertThat(events.get(1).getLong("hostPage")).isEqualTo(7);
        assertThat(events.get(1).getDuration("latency")).hasNanos(1_500_000);
        assertThat(events.get(2).getLong("requestedBytes")).isEqualTo(4096);
        assertThat(events.get(2).getLong("pushedBytes")).isEqualTo(65536);
        assertThat(events.get(2).getLong("bytesToPush")).isEqualTo(8192);
        assertThat(events.get(2).getBoolean("complete")).isTrue();
        assertThat(counters.latencies()).containsExactly(new LatencyStep(1_500_000, 1));
    }
}
