package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PushOrderTest {

    private final PageClaims claims =
            new PageClaims(new PresentRam(4, 3).with(0, 0, 1, 3).with(1, 0, 2));

    private static PagePlace place(int block, long page) {
        return new PagePlace(block, page);
    }

    /** Claims as the order says, a number of pages. */
    private List<PagePlace> push(PushOrder order, int most) {
        List<PagePlace> pushed = new ArrayList<>();
        Optional<PagePlace> next = order.next();
        while (next.isPresent() && pushed.size() < most) {
            PagePlace place = next.get();
            assertThat(claims.claim(place.blockIndex(), place.page())).isTrue();
            pushed.add(place);
            if (pushed.size() < most) {
                next = order.next();
            }
        }
        return pushed;
    }

    @Test
    void linear_goes_through_all_content_whatever_is_asked_for() {
        PushOrder order = PushOrder.linear(claims);
        assertThat(push(order, 1)).containsExactly(place(0, 0));
        order.requested(place(1, 1));
        assertThat(push(order, 9)).containsExactly(place(0, 1), place(0, 3), place(1, 0), place(1, 2));
        assertThat(order.next()).isEmpty();
    }

    @Test
    void fault_forward_goes_on_behind_what_is_asked_for_and_comes_round_to_the_rest() {
        PushOrder order = PushOrder.faultForward(claims);
        assertThat(push(order, 1)).containsExactly(place(0, 0));
        order.requested(place(1, 0));
        assertThat(push(order, 9)).containsExactly(place(1, 2), place(0, 1), place(0, 3), place(1, 0));
        assertThat(order.next()).isEmpty();
    }

    @Test
    void behind_the_last_page_of_a_block_comes_the_next_block() {
        PushOrder order = PushOrder.faultForward(claims);
        order.requested(place(0, 3));
        assertThat(push(order, 9)).containsExactly(place(1, 0), place(1, 2), place(0, 0), place(0, 1), place(0, 3));
    }

    @Test
    void recorded_pages_come_first_zero_pages_too_and_those_that_are_claimed_are_left_out() {
        PushOrder order = PushOrder.recorded(claims, List.of(place(1, 2), place(0, 2), place(0, 1), place(0, 3)));
        claims.claim(0, 1);
        assertThat(push(order, 2)).containsExactly(place(1, 2), place(0, 2));
        assertThat(push(order, 9)).containsExactly(place(0, 3), place(0, 0), place(1, 0), place(1, 1));
        assertThat(order.next()).isEmpty();
        assertThat(order.pushesZeros()).isTrue();
    }

    @Test
    void recorded_pages_that_lie_together_may_be_sent_together() {
        PushOrder order = PushOrder.recorded(claims, List.of(place(0, 1), place(0, 2), place(1, 0), place(0, 3)));
        assertThat(order.next()).contains(place(0, 1));
        assertThat(order.pagesInRun()).isEqualTo(2);
        push(order, 2);
        assertThat(order.next()).contains(place(1, 0));
        assertThat(order.pagesInRun()).isEqualTo(1);
    }

    @Test
    void behind_the_recording_come_the_pages_behind_each_of_its_pages_in_its_order() {
        PageClaims large = new PageClaims(new PresentRam(1000));
        PushOrder order =
                new RecordedPush(large, List.of(place(0, 500), place(0, 100)), 3 * 4096, PushOrder.linear(large));
        assertThat(order.next()).contains(place(0, 500));
        large.claim(0, 500);
        large.claim(0, 502);
        assertThat(order.next()).contains(place(0, 100));
        large.claim(0, 100);
        assertThat(order.next()).contains(place(0, 501));
        assertThat(order.pagesInRun()).isEqualTo(3);
        large.claim(0, 501);
        assertThat(order.next()).contains(place(0, 503));
        large.claim(0, 503);
        assertThat(order.next()).contains(place(0, 101));
    }

    @Test
    void what_lies_behind_a_request_comes_before_the_rest_of_a_recording() {
        PageClaims large = new PageClaims(new PresentRam(1000));
        PushOrder order =
                new RecordedPush(large, List.of(place(0, 500), place(0, 100)), 2 * 4096, PushOrder.linear(large));
        assertThat(order.next()).contains(place(0, 500));
        large.claim(0, 500);
        large.claim(0, 700);
        order.requested(place(0, 700));
        assertThat(order.next()).contains(place(0, 701));
        assertThat(order.pagesInRun()).isEqualTo(2);
        large.claim(0, 701);
        large.claim(0, 702);
        assertThat(order.next()).contains(place(0, 100));
    }

    @Test
    void what_others_claim_meanwhile_is_not_named_again() {
        PushOrder order = PushOrder.linear(claims);
        assertThat(order.next()).contains(place(0, 0));
        claims.claim(0, 0);
        claims.claim(0, 1);
        assertThat(order.next()).contains(place(0, 3));
    }

    @Test
    void each_request_stands_in_the_queue_once_and_none_for_a_page_that_is_claimed() {
        PageRequests requests = new PageRequests(claims);
        claims.claim(0, 3);
        assertThat(requests.add(place(0, 3), 1)).isFalse();
        for (int i = 0; i < 1_000_000; i++) {
            assertThat(requests.add(place(0, 2), i)).isEqualTo(i == 0);
        }
        assertThat(requests.add(place(1, 0), 7)).isTrue();
        assertThat(requests.newest()).contains(place(1, 0));
        assertThat(requests.newest()).isEmpty();
        assertThat(requests.poll()).contains(new PageRequests.Request(place(0, 2), 0));
        assertThat(requests.poll()).contains(new PageRequests.Request(place(1, 0), 7));
        assertThat(requests.poll()).isEmpty();
    }

    @Test
    void counters_know_how_long_requests_waited() {
        PostcopyCounters counters = new PostcopyCounters();
        for (int i = 1; i <= 100; i++) {
            counters.served(place(0, i), 4096, i % 2 == 0, i * 1_000_000L);
        }
        PostcopyCounters.Totals totals = counters.totals();
        assertThat(totals.requests()).isEqualTo(100);
        assertThat(totals.zeroAnswers()).isEqualTo(50);
        assertThat(totals.medianNs()).isBetween(50_000_000L, 63_000_000L);
        assertThat(totals.p99Ns()).isBetween(99_000_000L, 100_000_000L);
        assertThat(totals.longestNs()).isEqualTo(100_000_000);
        assertThat(counters.touches()).hasSize(100).startsWith(place(0, 1));
    }
}
