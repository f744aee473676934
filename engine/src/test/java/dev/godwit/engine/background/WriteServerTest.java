package dev.godwit.engine.background;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is protected when, over a protection that is a bitmap. */
class WriteServerTest {

    private static final int HUGE = 16;
    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 100 * 4096), new RamBlock("huge", 64 * 4096)));

    private final Protection protection = new Protection();
    private final SnapshotOrder order = new SnapshotOrder(LAYOUT, new int[] {1, HUGE});
    private final List<String> written = new ArrayList<>();
    private final WriteServer server = new WriteServer(
            LAYOUT,
            protection,
            order,
            new BlockedWrites(LAYOUT),
            (block, firstPage, pages) -> written.add(block + ": " + firstPage + "+" + pages));

    private static final class Protection implements WriteTracking {

        final List<PageBitmap> pages = List.of(new PageBitmap(100), new PageBitmap(64));

        @Override
        public boolean isTracked(int blockIndex) {
            return true;
        }

        @Override
        public int unitPages(int blockIndex) {
            return blockIndex == 0 ? 1 : HUGE;
        }

        @Override
        public void protect(int blockIndex, long firstPage, long count) {
            pages.get(blockIndex).set(firstPage, count);
        }

        @Override
        public void letGo(int blockIndex, long firstPage, long count) {
            pages.get(blockIndex).clear(firstPage, count);
        }

        @Override
        public boolean awaitWrites(WaitingWrites listener) {
            return false;
        }

        @Override
        public void endWaiting() {}

        @Override
        public void close() {}
    }

    @BeforeEach
    void everything_is_protected() {
        protection.protect(0, 0, 100);
        protection.protect(1, 0, 64);
    }

    private void writes(int block, long page) throws IOException {
        server.waits(block, page, 1, System.nanoTime());
    }

    @Test
    void before_the_instant_a_write_is_let_go_at_once_and_its_page_is_not_written() throws IOException {
        writes(0, 7);
        writes(1, 20);

        assertThat(protection.pages.get(0).get(7)).isFalse();
        assertThat(protection.pages.get(0).setPages()).isEqualTo(99);
        assertThat(protection.pages.get(1).nextClear(0)).isEqualTo(16);
        assertThat(protection.pages.get(1).setPages()).isEqualTo(48);
        assertThat(written).isEmpty();
        assertThat(order.remainingPages()).isEqualTo(164);
    }

    @Test
    void at_the_instant_all_that_was_let_go_is_protected_again() throws IOException {
        for (long page : new long[] {0, 7, 8, 63, 64, 99}) {
            writes(0, page);
        }
        writes(1, 0);
        writes(1, 63);

        server.hold();

        assertThat(protection.pages.get(0).setPages()).isEqualTo(100);
        assertThat(protection.pages.get(1).setPages()).isEqualTo(64);
    }

    @Test
    void from_the_instant_on_a_page_is_written_before_its_write_is_let_go() throws IOException {
        writes(0, 7);
        server.hold();

        writes(0, 7);
        writes(1, 20);

        assertThat(written).containsExactly("0: 7+8", "1: 16+16");
        assertThat(protection.pages.get(0).setPages()).isEqualTo(92);
        assertThat(protection.pages.get(1).setPages()).isEqualTo(48);
    }

    @Test
    void who_waits_for_a_page_that_another_writes_is_not_let_go_early() throws IOException {
        server.hold();
        SnapshotOrder.Run others = order.next(50);

        writes(0, 7);

        assertThat(written).isEmpty();
        assertThat(protection.pages.get(0).get(7)).isTrue();
        assertThat(others).isNotNull();
    }
}
