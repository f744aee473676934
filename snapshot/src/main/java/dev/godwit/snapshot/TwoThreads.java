package dev.godwit.snapshot;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Does one piece of work on two platform threads at once, for reading that keeps a disk and two cores busy. */
final class TwoThreads {

    private TwoThreads() {}

    interface Work {
        /** Takes its share until none is left, or the thread is interrupted. */
        void run() throws IOException;
    }

    /**
     * Runs the work on both threads and waits for them.
     *
     * @throws IOException the first failure; the other thread has stopped too
     * @throws InterruptedException if this thread was interrupted; both have stopped
     */
    static void run(String name, Work work) throws IOException, InterruptedException {
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            threads.add(Thread.ofPlatform().name(name + "-" + i).unstarted(() -> {
                try {
                    work.run();
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                    threads.forEach(Thread::interrupt);
                }
            }));
        }
        threads.forEach(Thread::start);
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            threads.forEach(Thread::interrupt);
            for (Thread thread : threads) {
                thread.join();
            }
            throw e;
        }
        Throwable first = failure.get();
        switch (first) {
            case null -> {}
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new AssertionError(first);
        }
    }
}
