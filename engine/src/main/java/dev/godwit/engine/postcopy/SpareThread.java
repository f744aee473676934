package dev.godwit.engine.postcopy;

import java.util.concurrent.CompletableFuture;

/**
 * A thread that has begun, and waits for its one task. Whoever begins a thread waits until it runs, which takes
 * milliseconds where no core is free: too long while a guest stands still.
 */
public final class SpareThread implements AutoCloseable {

    private final CompletableFuture<Runnable> task = new CompletableFuture<>();

    /** Begins a platform thread of that name. */
    public SpareThread(String name) {
        Thread.ofPlatform().name(name).daemon(true).start(() -> task.join().run());
    }

    /**
     * Gives it its task.
     *
     * @throws IllegalStateException if it has one, or has been sent away
     */
    public void run(Runnable work) {
        if (!task.complete(work)) {
            throw new IllegalStateException("the thread has a task, or has ended");
        }
    }

    /** Sends it away where it has no task; one that it has goes on. Twice does no harm. */
    @Override
    public void close() {
        task.complete(() -> {});
    }
}
