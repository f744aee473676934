package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ThreadTimesTest {

    @Test
    void a_thread_that_works_is_told_from_one_that_waits() throws Exception {
        AtomicInteger waiting = new AtomicInteger();
        CountDownLatch known = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        Thread waiter = Thread.ofPlatform().start(() -> {
            waiting.set(Threads.currentId());
            known.countDown();
            try {
                over.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        known.await();
        List<Integer> own = List.of(Threads.currentId());
        long ownBefore = ThreadTimes.ofThreads(own);
        long processBefore = ThreadTimes.ofProcess();
        long workNs = 20_000_000;
        while (ThreadTimes.ofThreads(own) - ownBefore < workNs) {
            Thread.onSpinWait();
        }
        assertThat(ThreadTimes.ofProcess() - processBefore).isGreaterThanOrEqualTo(workNs);
        assertThat(ThreadTimes.ofThreads(List.of(waiting.get()))).isBetween(1L, ThreadTimes.ofProcess() - workNs);
        over.countDown();
        waiter.join();
    }

    @Test
    void one_that_is_not_there_counts_nothing() {
        assertThat(ThreadTimes.ofThreads(List.of(0, Integer.MAX_VALUE >> 3))).isZero();
    }
}
