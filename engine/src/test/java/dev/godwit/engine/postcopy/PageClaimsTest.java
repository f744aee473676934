package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.ram.PageBitmap;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PageClaimsTest {

    private static final long HUGE = 2 << 20;

    @Test
    void a_page_is_claimed_once_and_pushed_only_where_it_has_content() {
        PageClaims claims = new PageClaims(new PresentRam(100, 3).with(0, 5, 70).with(1, 2));

        assertThat(claims.bytesToPush()).isEqualTo(3 * 4096);
        assertThat(claims.nextToPush(0, 0)).isEqualTo(5);
        assertThat(claims.claim(0, 5)).isTrue();
        assertThat(claims.claim(0, 5)).isFalse();
        assertThat(claims.nextToPush(0, 0)).isEqualTo(70);
        assertThat(claims.claim(0, 6)).as("a zero page that is asked for").isTrue();
        assertThat(claims.isUnclaimed(0, 6)).isFalse();
        assertThat(claims.bytesToPush()).isEqualTo(2 * 4096);
        assertThat(claims.nextUnclaimed(0, 5)).isEqualTo(7);
    }

    @Test
    void of_threads_that_claim_the_same_pages_each_page_has_one_winner() throws Exception {
        PageClaims claims = new PageClaims(new PresentRam(200_000).withAll());
        AtomicLong won = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (long page = 0; page < 200_000; page++) {
                    if (claims.claim(0, page)) {
                        won.incrementAndGet();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(won).hasValue(200_000);
        assertThat(claims.bytesToPush()).isZero();
    }

    @Test
    void huge_pages_are_claimed_whole_and_have_content_where_a_part_has() {
        PageClaims claims = new PageClaims(new PresentRam(1024, 7).with(0, 513), List.of(HUGE, 4096L));

        assertThat(claims.hostPages(0)).isEqualTo(2);
        assertThat(claims.hostPageSizes()).isEqualTo(HUGE | 4096);
        assertThat(claims.nextToPush(0, 0)).isEqualTo(1);
        assertThat(claims.bytesToPush()).isEqualTo(HUGE);
    }

    @Test
    void what_was_received_is_claimed_but_not_a_huge_page_that_came_in_part() {
        PageClaims claims = new PageClaims(new PresentRam(1536, 70).withAll(), List.of(HUGE, 4096L));
        PageBitmap huge = new PageBitmap(1536);
        for (long page = 0; page < 512; page++) {
            huge.set(page);
            huge.set(512 + page / 2);
        }
        PageBitmap small = new PageBitmap(70);
        small.set(0);
        small.set(69);

        claims.received(0, huge);
        claims.received(1, small);

        assertThat(claims.isUnclaimed(0, 0)).isFalse();
        assertThat(claims.isUnclaimed(0, 1)).isTrue();
        assertThat(claims.isUnclaimed(0, 2)).isTrue();
        assertThat(claims.isUnclaimed(1, 0)).isFalse();
        assertThat(claims.isUnclaimed(1, 1)).isTrue();
        assertThat(claims.isUnclaimed(1, 69)).isFalse();
        assertThat(claims.bytesToPush()).isEqualTo(2 * HUGE + 68 * 4096);
    }

    @Test
    void of_a_guest_that_is_there_in_part_only_what_is_missing_is_claimed_by_host_page() {
        PresentRam missing = new PresentRam(1536, 70).with(0, 1, 513).with(1, 7, 8, 69);
        PageClaims claims = PageClaims.ofMissing(
                missing.layout(), List.of(HUGE, 4096L), List.of(missing.present(0), missing.present(1)));

        assertThat(claims.isUnclaimed(0, 0)).isTrue();
        assertThat(claims.isUnclaimed(0, 1)).isTrue();
        assertThat(claims.isUnclaimed(0, 2)).isFalse();
        assertThat(claims.nextClaimed(0, 0)).isEqualTo(2);
        assertThat(claims.nextUnclaimed(1, 0)).isEqualTo(7);
        assertThat(claims.nextClaimed(1, 7)).isEqualTo(9);
        assertThat(claims.nextClaimed(1, 69)).as("the end of the block").isEqualTo(70);
        assertThat(claims.claim(0, 2)).isFalse();
        assertThat(claims.bytesToPush()).isEqualTo(2 * HUGE + 3 * 4096);
    }

    @Test
    void blocks_that_their_host_pages_do_not_fill_and_bitmaps_of_another_length_are_refused() {
        PresentRam ram = new PresentRam(513);
        assertThatThrownBy(() -> new PageClaims(ram, List.of(HUGE))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new PageClaims(ram, List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new PageClaims(ram).received(0, new PageBitmap(512)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
