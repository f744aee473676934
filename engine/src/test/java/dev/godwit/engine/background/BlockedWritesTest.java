package dev.godwit.engine.background;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.background.SnapshotOrder.Run;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class BlockedWritesTest {

    private final BlockedWrites blocked = new BlockedWrites(new RamLayout(List.of(new RamBlock("ram", 100 * 4096))));

    @Test
    void a_wait_lasts_until_its_page_is_let_go() {
        blocked.begins(0, 5, 77, 1000);
        blocked.begins(0, 50, 78, 2000);
        blocked.letGo(new Run(0, 0, 10), 4000);
        assertThat(blocked.report()).isEqualTo(new WriteFaultReport(1, 2, 3000, 3000, 3000, List.of(0L, 0L, 1L)));
        blocked.letGo(new Run(0, 50, 1), 12_000);
        WriteFaultReport report = blocked.report();
        assertThat(report.faults()).isEqualTo(2);
        assertThat(report.totalNs()).isEqualTo(13_000);
        assertThat(report.longestNs()).isEqualTo(10_000);
        assertThat(report.longestThreadNs()).isEqualTo(10_000);
        assertThat(report.histogram()).containsExactly(0L, 0L, 1L, 0L, 1L);
    }

    @Test
    void a_wait_cannot_begin_before_the_last_one_of_its_thread_has_ended() {
        blocked.begins(0, 5, 77, 1000);
        blocked.letGo(new Run(0, 5, 1), 5000);
        blocked.begins(0, 6, 77, 1000);
        blocked.letGo(new Run(0, 6, 1), 6000);
        assertThat(blocked.report().totalNs()).isEqualTo(5000);
    }

    @Test
    void a_thread_that_a_signal_interrupted_waits_once() {
        blocked.begins(0, 5, 77, 1000);
        blocked.begins(0, 5, 77, 3000);
        blocked.letGo(new Run(0, 5, 1), 5000);
        assertThat(blocked.report().faults()).isEqualTo(1);
        assertThat(blocked.report().totalNs()).isEqualTo(4000);
    }

    @Test
    void a_page_that_was_let_go_before_its_wait_is_heard_of_is_not_waited_for_for_ever() {
        blocked.letGo(new Run(0, 5, 1), 5000);
        blocked.begins(0, 5, 77, System.nanoTime());
        blocked.allLetGo(Long.MAX_VALUE);
        assertThat(blocked.report().faults()).isEqualTo(1);
        assertThat(blocked.report().longestNs()).isLessThan(60_000_000_000L);
    }

    @Test
    void quantiles_are_told_to_a_power_of_two() {
        WriteFaultReport report =
                new WriteFaultReport(100, 1, 0, 900_000, 0, List.of(0L, 50L, 49L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 1L));
        assertThat(report.quantileNs(0.5)).isEqualTo(2000);
        assertThat(report.quantileNs(0.99)).isEqualTo(4000);
        assertThat(report.quantileNs(1)).isEqualTo(900_000);
        assertThat(WriteFaultReport.NONE.quantileNs(0.5)).isZero();
    }
}
