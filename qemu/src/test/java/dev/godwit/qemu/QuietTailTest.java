package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class QuietTailTest {

    @Test
    void a_tail_that_is_whole_is_ended_after_a_short_silence_and_not_given_up() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        try (QuietTail watch = new QuietTail(() -> true, ended::countDown, 1, 1_000_000)) {
            watch.change(() -> {});
            ended.await();
            assertThat(watch.gaveUp()).isFalse();
        }
    }

    @Test
    void a_tail_that_never_becomes_whole_is_given_up_after_a_long_silence() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        try (QuietTail watch = new QuietTail(() -> false, ended::countDown, 1, 20)) {
            ended.await();
            assertThat(watch.gaveUp()).isTrue();
        }
    }

    @Test
    void a_watch_that_is_closed_ends_nothing() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        new QuietTail(() -> false, ended::countDown, 100, 200).close();
        assertThat(ended.await(400, TimeUnit.MILLISECONDS)).isFalse();
    }

    @Test
    void a_source_that_falls_silent_in_the_middle_of_its_device_state_is_refused_with_how_far_it_came()
            throws Exception {
        Pipe pipe = Pipe.open();
        byte[] half = {4, 0, 0, 0, 9, 3, 'd', 'e', 'v', 0, 0};
        pipe.sink().write(ByteBuffer.wrap(half));
        StreamOptions options =
                StreamOptions.STAYS_OPEN.withInputEnd(() -> pipe.sink().close());

        assertThatThrownBy(() -> DeviceTail.read(new ByteInput(pipe.source()), options, List.of(), 1500))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("silence for 1 s behind 11 bytes");
    }
}
