package dev.godwit.engine.migration;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DowntimeTest {

    private static final Downtime UNTIL_SENT = new Downtime(1, 0, 20, 300, 0);

    @Test
    void a_guest_stands_still_until_the_destination_says_that_it_runs() {
        assertThat(UNTIL_SENT.answeredAfter(4000)).isEqualTo(new Downtime(1, 0, 20, 300, 4000));
    }

    @Test
    void a_word_that_is_here_before_the_sender_saw_its_last_byte_go_ends_it_then() {
        assertThat(UNTIL_SENT.answeredAfter(-100).totalNs()).isEqualTo(221);
        assertThat(UNTIL_SENT.answeredAfter(-1000).totalNs()).isEqualTo(21);
    }
}
