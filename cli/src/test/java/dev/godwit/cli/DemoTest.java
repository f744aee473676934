package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.host.PagemapDirtyLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class DemoTest {

    @Test
    void a_small_machine_goes_through_the_whole_story() {
        assumeThat(PagemapDirtyLog.missing())
                .as("this host cannot track the writes of a machine: godwit doctor says why")
                .isEmpty();
        Run run = Run.of("demo", "--in-one-process", "--ram", "8M");
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains("has found its memory right")
                .containsAnyOf("again, by postcopy", "no postcopy on this host")
                .contains("kept in a file while it runs")
                .contains("one bit flipped on purpose: found at ram offset")
                .contains("restored from the file");
    }

    @Test
    void as_json_it_is_one_document_with_every_step() {
        assumeThat(PagemapDirtyLog.missing())
                .as("this host cannot track the writes of a machine: godwit doctor says why")
                .isEmpty();
        Run run = Run.of("demo", "--in-one-process", "--ram", "8M", "--json");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.json().at("steps").list()).hasSize(4);
    }
}
