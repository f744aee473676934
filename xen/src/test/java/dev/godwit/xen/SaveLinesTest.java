package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.xen.SaveLines.Iteration;
import org.junit.jupiter.api.Test;

/** Xen migration specification section 1.13: what the real saver printed of the scenario s1. */
class SaveLinesTest {

    @Test
    void the_lines_are_those_of_the_saver_of_2007() {
        SaveLines lines = new SaveLines(0x420);
        assertThat(lines.of(new Iteration(1, false, 1018, 3, 35, 7, 7, 0), false))
                .containsExactly("Saving HVM domain memory pages: iter 1   0%  1: sent 1018, skipped 3, "
                        + "delta 7ms, dom0 100%, target 0%, sent 4765Mb/s, dirtied 163Mb/s 35 pages");
        assertThat(lines.of(new Iteration(2, false, 38, 0, 354, 203, 0, 101), true))
                .containsExactly(
                        "Saving HVM domain memory pages: iter 2   0%  2: sent 38, skipped 0, "
                                + "Start last iteration for HVM domain",
                        "delta 203ms, dom0 0%, target 49%, sent 6Mb/s, dirtied 57Mb/s 354 pages");
        assertThat(lines.of(new Iteration(3, true, 354, 0, 0, 7, 0, 0), false))
                .containsExactly(
                        "Saving HVM domain memory pages: iter 3   0%  3: sent 354, skipped 0, "
                                + "delta 7ms, dom0 0%, target 0%, sent 1657Mb/s, dirtied 1657Mb/s 354 pages",
                        "Total pages sent= 1410 (1.34x)");
    }

    @Test
    void an_iteration_of_no_time_took_a_millisecond() {
        assertThat(new SaveLines(0).of(new Iteration(1, true, 0, 0, 0, 0, 0, 0), false))
                .containsExactly(
                        "Saving HVM domain memory pages: iter 1   0%  1: sent 0, skipped 0, "
                                + "delta 1ms, dom0 0%, target 0%, sent 0Mb/s, dirtied 0Mb/s 0 pages",
                        "Total pages sent= 0 (0.00x)");
    }
}
