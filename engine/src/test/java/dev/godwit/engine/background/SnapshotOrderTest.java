package dev.godwit.engine.background;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.background.SnapshotOrder.Run;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SnapshotOrderTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 100 * 4096), new RamBlock("huge", 64 * 4096)));

    private static SnapshotOrder order() {
        return new SnapshotOrder(LAYOUT, new int[] {1, 16});
    }

    @Test
    void pages_come_in_order_block_after_block() {
        SnapshotOrder order = order();
        assertThat(order.next(60)).isEqualTo(new Run(0, 0, 60));
        assertThat(order.next(60)).isEqualTo(new Run(0, 60, 40));
        assertThat(order.next(60)).isEqualTo(new Run(1, 0, 64));
        assertThat(order.next(60)).isNull();
        assertThat(order.remainingPages()).isZero();
    }

    @Test
    void a_page_that_is_waited_for_comes_with_what_follows_it_and_only_once() {
        SnapshotOrder order = order();
        assertThat(order.from(0, 50, 8)).isEqualTo(new Run(0, 50, 8));
        assertThat(order.from(0, 57, 8)).isNull();
        assertThat(order.from(0, 45, 8)).isEqualTo(new Run(0, 45, 5));
        assertThat(order.next(60)).isEqualTo(new Run(0, 0, 45));
        assertThat(order.next(60)).isEqualTo(new Run(0, 58, 42));
    }

    @Test
    void huge_pages_are_taken_whole() {
        SnapshotOrder order = order();
        assertThat(order.from(1, 40, 8)).isEqualTo(new Run(1, 32, 16));
        assertThat(order.from(0, 99, 8)).isEqualTo(new Run(0, 99, 1));
        assertThat(order.next(256)).isEqualTo(new Run(0, 0, 99));
        assertThat(order.next(1)).isEqualTo(new Run(1, 0, 16));
        assertThat(order.next(256)).isEqualTo(new Run(1, 16, 16));
        assertThat(order.next(256)).isEqualTo(new Run(1, 48, 16));
    }

    @Test
    void several_threads_get_each_page_once_seed_5() throws InterruptedException {
        SnapshotOrder order = order();
        List<Run> runs = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Random random = new Random(5 + i);
            threads.add(Thread.ofPlatform().start(() -> {
                while (order.remainingPages() > 0) {
                    Run run = random.nextBoolean() ? order.next(3) : order.from(0, random.nextInt(100), 3);
                    if (run != null) {
                        synchronized (runs) {
                            runs.add(run);
                        }
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Set<Long> pages = new HashSet<>();
        for (Run run : runs) {
            for (long page = run.firstPage(); page < run.firstPage() + run.pages(); page++) {
                assertThat(pages.add(run.blockIndex() * 1000L + page)).isTrue();
            }
        }
        assertThat(pages).hasSize(164);
    }
}
