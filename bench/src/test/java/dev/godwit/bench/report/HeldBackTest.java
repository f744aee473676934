package dev.godwit.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What is published of the benchmarks goes together. */
class HeldBackTest {

    private static final Path PUBLISHED = Path.of("../docs/benchmarks");

    @Test
    void every_profile_that_a_row_is_led_to_is_there_and_has_its_section() throws IOException {
        String sections = Files.readString(PUBLISHED.resolve("held-back.md"));
        for (HeldBack each : HeldBack.all()) {
            assertThat(PUBLISHED.resolve("profiles").resolve(each.profile() + ".txt"))
                    .isNotEmptyFile();
            assertThat(sections)
                    .contains("\n## " + each.profile() + "\n")
                    .contains("(profiles/" + each.profile() + ".txt)");
        }
    }

    @Test
    void every_row_on_the_page_that_misses_its_target_is_led_to_one() throws IOException {
        assertThat(Files.readString(PUBLISHED.resolve("README.md")))
                .contains("Not reached, each with what holds it back")
                .doesNotContain("not profiled");
    }
}
