package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be said of a restore before there is a destination. */
class RestoreOptionsTest {

    @TempDir
    private Path folder = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"--resume", "--record", "--preempt", "--order=linear"})
    void what_means_nothing_to_an_eager_restore_is_refused(String option) {
        Run run = Run.of("restore", folder.resolve("snap"), "--to=unix:nowhere", "--eager", option);
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("do not go with --eager");
    }

    @Test
    void lazy_and_eager_exclude_each_other_and_orders_have_names() {
        assertThat(Run.of("restore", "snap", "--to=unix:nowhere", "--eager", "--lazy")
                        .status())
                .isEqualTo(2);
        Run run = Run.of("restore", "snap", "--to=unix:nowhere", "--order=backwards");
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("linear", "fault-forward", "recorded");
    }

    @Test
    void an_order_of_which_there_is_no_recording_is_refused_and_the_guest_is_in_the_snapshot() {
        Path snapshot = Captures.unpack("mapped-ram.mig", folder);
        Run run = Run.of("restore", snapshot, "--to=unix:" + folder.resolve("nobody"), "--order=recorded");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("--record makes one", "GUEST_AT_SOURCE");
    }

    @Test
    void inspect_shows_what_restores_have_recorded() throws Exception {
        Path file = Captures.unpack("mapped-ram.mig", folder);
        try (Snapshot snapshot = Snapshot.open(file)) {
            new WorkingSet(List.of(new PagePlace(0, 3), new PagePlace(0, 1))).keep(snapshot);
        }
        assertThat(Run.of("inspect", file).out()).contains("2 pages (8.0 KiB) that restored guests touched first");
        assertThat(Run.of("inspect", "--json", file).json().at("recordedPages").value())
                .isEqualTo(2L);
    }
}
