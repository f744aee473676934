package dev.godwit.engine.postcopy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SpareThreadTest {

    @Test
    void its_one_task_is_done_under_its_name() throws Exception {
        CompletableFuture<String> name = new CompletableFuture<>();
        try (SpareThread spare = new SpareThread("spare")) {
            spare.run(() -> name.complete(Thread.currentThread().getName()));
            assertThat(name.get(60, TimeUnit.SECONDS)).isEqualTo("spare");
            assertThatIllegalStateException().isThrownBy(() -> spare.run(() -> {}));
        }
    }

    @Test
    void sent_away_it_takes_none_and_ends() throws Exception {
        SpareThread spare = new SpareThread("spare that is not needed");
        Thread thread = Thread.getAllStackTraces().keySet().stream()
                .filter(one -> one.getName().equals("spare that is not needed"))
                .findFirst()
                .orElseThrow();
        spare.close();
        spare.close();
        assertThat(thread.join(Duration.ofSeconds(60))).isTrue();
        assertThatIllegalStateException().isThrownBy(() -> spare.run(() -> {}));
    }
}
