package dev.godwit.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AwaitTest {

    @Test
    void it_returns_when_the_condition_holds() {
        AtomicInteger looks = new AtomicInteger();
        Await.until("three looks", () -> looks.incrementAndGet() == 3);
        assertThat(looks).hasValue(3);
    }

    @Test
    void in_vain_it_fails_with_what_was_waited_for() {
        assertThatThrownBy(() -> Await.until("the moon", Duration.ofMillis(30), () -> false))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("the moon");
    }

    @Test
    void a_failure_of_the_condition_ends_it() {
        assertThatThrownBy(() -> Await.until("anything", () -> {
                    throw new IOException("nobody there");
                }))
                .isInstanceOf(IOException.class);
    }

    @Test
    void an_interrupted_thread_waits_no_longer() throws Exception {
        FutureTask<Throwable> waiting = new FutureTask<>(() -> {
            try {
                Await.until("nothing", () -> false);
                return new IllegalStateException();
            } catch (AssertionError e) {
                return e;
            }
        });
        Thread thread = Thread.ofPlatform().start(waiting);
        thread.interrupt();
        assertThat(waiting.get(60, TimeUnit.SECONDS)).hasMessageContaining("interrupted while waiting for nothing");
    }
}
