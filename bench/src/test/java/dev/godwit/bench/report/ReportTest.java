package dev.godwit.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {

    /** The precopy case is half as fast as QEMU, and costs half. */
    private static final String RESULTS = """
            {"environment": {"kernel": "Linux 6.18", "rounds": "3"},
             "cases": [
              {"name": "precopy", "title": "Live migration", "command": "bench/x", "seconds": 12.5, "failure": "", "when": "today", "rows": [
               {"group": "A standing guest", "way": "tcp, plain", "who": "QEMU", "errors": [],
                "measures": {"GiB/s": [2.0, 2.5, 1.0], "source cpu-s/GiB": [0.4, 0.4, 0.4]}},
               {"group": "A standing guest", "way": "tcp, plain", "who": "Godwit", "errors": ["RuntimeError: no | pipe"],
                "measures": {"GiB/s": [1.0, 1.5, 0.5], "source cpu-s/GiB": [0.2, 0.1, 0.3]}}]},
              {"name": "command", "title": "The command line", "command": "bench/y", "seconds": 1, "failure": "", "when": "today", "rows": [
               {"group": "Largest memory", "way": "verify", "who": "Godwit", "errors": [], "axis": "MiB of RAM", "at": 64,
                "measures": {"largest MiB": [80, 81, 79]}},
               {"group": "Largest memory", "way": "verify", "who": "Godwit", "errors": [], "axis": "MiB of RAM", "at": 2048,
                "measures": {"largest MiB": [160, 161, 159]}}]},
              {"name": "postcopy", "title": "Postcopy", "command": "bench/z", "seconds": 0, "failure": "not run", "when": "today", "rows": []}]}
            """;

    @Test
    void each_row_is_held_against_what_was_measured_in_the_same_run() {
        String page = page(RESULTS);
        assertThat(page).contains("**not reached**: GiB/s at least QEMU's: 0.50 of it");
        assertThat(page).contains("reached: source cpu-s/GiB at most QEMU's: 0.50 of it");
        assertThat(page).contains("| tcp, plain | QEMU | 2.00 (1.00–2.50) | 0.40 (0.40–0.40) | reference |");
    }

    @Test
    void what_must_not_grow_is_held_against_the_smallest() {
        String page = page(RESULTS);
        assertThat(page).contains("| 64 | verify | Godwit | 80.0 (79.0–81.0) | the smallest |");
        assertThat(page).contains("**not reached**: largest MiB at most 1.25 × that of the smallest: 2.00 of it");
    }

    @Test
    void what_failed_is_shown() {
        String page = page(RESULTS);
        assertThat(page).contains("* **Postcopy failed**: not run").contains("**Failed: not run**");
        assertThat(page).contains("**failed 1 ×**: RuntimeError: no \\| pipe");
    }

    @Test
    void the_summary_counts_what_is_reached_and_names_the_rest() {
        String page = page(RESULTS);
        assertThat(page).contains("1 of 3 are reached");
        assertThat(page).contains("| Largest memory: 2048 MiB of RAM, verify, Godwit | ");
    }

    @Test
    void what_is_not_reached_is_led_to_what_holds_it_back() {
        String row = "| A standing guest: tcp, plain, Godwit | GiB/s at least QEMU's | 0.50 of it | ";
        assertThat(page(RESULTS)).contains(row + "not profiled |");
        assertThat(ReportPage.of(
                        Results.parse(RESULTS), Targets.all(), List.of("precopy-plain.txt"), (_, _) -> List.of()))
                .contains(row + "[precopy-plain](held-back.md#precopy-plain) |");
    }

    @Test
    void a_target_whose_reference_is_missing_is_not_reached() {
        String page = page(RESULTS.replace("\"who\": \"QEMU\"", "\"who\": \"another\""));
        assertThat(page).contains("**not reached**: GiB/s at least QEMU's: the reference was not measured");
    }

    @Test
    void a_quick_run_says_that_it_is_none_to_go_by() {
        String warning = "not how fast it is";
        assertThat(page(RESULTS)).doesNotContain(warning);
        assertThat(page(RESULTS.replace("\"rounds\": \"3\"", "\"sizes\": \"quick\"")))
                .contains(warning);
    }

    @Test
    void a_document_of_something_else_is_refused() {
        assertThatThrownBy(() -> Results.parse("{\"environment\": {}, \"cases\": {}}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected an array");
    }

    @Test
    void the_page_shows_a_plot_for_each_group(@TempDir Path folder) throws IOException {
        Path results = Files.writeString(folder.resolve("results.json"), RESULTS);
        Files.writeString(folder.resolve("old.svg"), "of an earlier run");
        Files.writeString(
                Files.createDirectory(folder.resolve("profiles")).resolve("precopy-tcp.txt"), "where time goes");
        WriteReport.write(results, folder);
        String page = Files.readString(folder.resolve("README.md"));
        try (Stream<Path> files = Files.list(folder)) {
            List<String> plots = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".svg"))
                    .toList();
            assertThat(plots)
                    .containsExactlyInAnyOrder(
                            "precopy-1-gib-s.svg", "precopy-1-source-cpu-s-gib.svg", "command-1-largest-mib.svg");
            assertThat(page).contains(plots);
        }
        assertThat(page).contains("[precopy-tcp](profiles/precopy-tcp.txt)");
        assertThat(Files.readString(folder.resolve("precopy-1-gib-s.svg")))
                .contains("<svg")
                .contains("A standing guest");
    }

    private static String page(String results) {
        return ReportPage.of(Results.parse(results), Targets.all(), List.of(), (_, _) -> List.of());
    }
}
