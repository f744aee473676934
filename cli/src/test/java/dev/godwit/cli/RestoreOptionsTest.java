package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.nio.file.Files;
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
    @ValueSource(strings = {"--resume", "--record", "--preempt", "--order=linear", "--fault-latency=2ms"})
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

    @Test
    void what_a_mapped_restore_cannot_do_is_refused() {
        assertThat(Run.of("restore", "snap", "--to=unix:nowhere", "--map", "--eager")
                        .status())
                .isEqualTo(2);
        assertThat(Run.of("restore", "snap", "--qmp=nowhere", "--map", "--max-bandwidth=1M")
                        .status())
                .isEqualTo(2);
        assertThat(Run.of("restore", "snap", "--qmp=nowhere", "--verify").err()).contains("--map and --eager");
        Path snapshot = Captures.unpack("mapped-ram.mig", folder);
        Run run = Run.of("restore", snapshot, "--to=unix:" + folder.resolve("nobody"), "--map");
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("control socket", "GUEST_AT_SOURCE");
    }

    @Test
    void the_arguments_for_a_mapping_are_printed_as_a_shell_takes_them() throws Exception {
        Path here = Files.createDirectory(folder.resolve("it's, here"));
        Path snapshot = Captures.unpack("mapped-ram.mig", here);
        Run run = Run.of("restore", snapshot, "--print-qemu-args");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("memory-backend=pc.ram", "-incoming defer", "share=off,readonly=on,rom=off")
                .contains("it'\\''s,, here");
        assertThat(Run.of("restore", snapshot, "--print-qemu-args", "--json")
                        .json()
                        .at("block")
                        .value())
                .isEqualTo("pc.ram");
        Run stream = Run.of("restore", Captures.unpack("precopy-pc.mig", folder), "--print-qemu-args");
        assertThat(stream.status()).isEqualTo(1);
        assertThat(stream.err()).contains("no page has a place of its own");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "ms", "-1ms", "0ms", "2 ms", "1h", "99999999s"})
    void a_latency_has_a_unit(String text) {
        Run run = Run.of("restore", "snap", "--qmp=nowhere", "--fault-latency=" + text);
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("2ms, 500us or 1s");
    }

    @Test
    void clones_have_a_control_socket_each_and_one_way() {
        assertThat(Run.of("clone", "snap").status()).isEqualTo(2);
        assertThat(Run.of("clone", "snap", "--qmp=a", "--qmp=a").err()).contains("one control socket each");
        assertThat(Run.of("clone", "snap", "--qmp=a", "--push=some").err()).contains("none, trickle and full");
        assertThat(Run.of("clone", "snap", "--qmp=a", "--map", "--push=none").status())
                .isEqualTo(2);
        assertThat(Run.of("clone", "snap", "--qmp=a", "--verify").status()).isEqualTo(2);
        assertThat(Run.of("clones", "--control=" + folder.resolve("none"), "--qmp=a")
                        .status())
                .isEqualTo(2);
    }

    @Test
    void clones_that_cannot_be_begin_nothing_and_say_each_why() {
        Path snapshot = Captures.unpack("mapped-ram.mig", folder);
        Run run = Run.of("clone", snapshot, "--qmp=" + folder.resolve("a"), "--qmp=" + folder.resolve("b"));
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.out().lines().filter(line -> line.contains("there is no socket")))
                .hasSize(2);
    }
}
