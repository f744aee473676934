package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.linux.calls.ReadWriteCalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class InterruptSignalTest {

    private static final Duration LONGEST = Duration.ofMinutes(2);

    @Test
    void it_breaks_off_the_call_that_its_receiver_waits_in_and_nothing_else() throws Exception {
        InterruptSignal signal = InterruptSignal.get();
        assertThat(InterruptSignal.get()).isSameAs(signal);
        AtomicInteger threadId = new AtomicInteger();
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                Mapping target = Mapping.anonymous(Host.pageSize())) {
            FutureTask<Long> reading = new FutureTask<>(() -> {
                signal.unblock();
                threadId.set(Threads.currentId());
                return ReadWriteCalls.read(pair.first().descriptor().number(), target.address(), 1);
            });
            Thread.ofPlatform().start(reading);
            assertThat(brokenOff(reading, signal, threadId)).isEqualTo(-Errno.EINTR.code());
        }
    }

    /** It may come before the read begins, and is lost then: so again, but paced, since real-time signals queue up. */
    private static long brokenOff(FutureTask<Long> reading, InterruptSignal signal, AtomicInteger threadId)
            throws Exception {
        long endNs = System.nanoTime() + LONGEST.toNanos();
        while (true) {
            assertThat(System.nanoTime() - endNs).as("signals in vain").isNegative();
            if (threadId.get() != 0) {
                signal.send(threadId.get());
            }
            try {
                return reading.get(5, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // once more
            }
        }
    }

    @Test
    void a_thread_is_known_by_the_kernels_number_and_one_that_is_gone_is_not_there() throws Exception {
        FutureTask<Integer> other = new FutureTask<>(Threads::currentId);
        Thread thread = Thread.ofPlatform().start(other);
        assertThat(other.get()).isPositive().isNotEqualTo(Threads.currentId());
        assertThat(Path.of("/proc/self/task/" + Threads.currentId())).exists();
        thread.join();
        long endNs = System.nanoTime() + LONGEST.toNanos();
        while (Files.exists(Path.of("/proc/self/task/" + other.get()))) {
            assertThat(System.nanoTime() - endNs).as("a thread that has ended").isNegative();
            Thread.sleep(1);
        }
        assertThat(InterruptSignal.get().send(other.get())).isEqualTo(-Errno.ESRCH.code());
    }
}
