package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BenchCommandTest {

    @Test
    void without_the_source_tree_it_says_where_the_benchmarks_are() {
        Run run = Run.of("bench", "--case", "limits");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("source tree").contains("./godwit bench --case limits");
    }
}
