package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import java.io.Closeable;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** The thread that owns a machine's settings and its migration; others send it commands, one after the other. */
final class OwnerThread implements Closeable {

    /** A command. */
    interface Command<T> {
        T run() throws ControlException;
    }

    /** A command without an answer. */
    interface Action {
        void run() throws ControlException;
    }

    private static final Duration LONGEST_COMMAND = Duration.ofSeconds(10);

    private final ExecutorService executor = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("machine-owner").daemon(true).factory());

    /**
     * Has a command carried out, and waits for it.
     *
     * @throws ControlException if it is refused
     */
    <T> T call(Command<T> command) throws ControlException {
        Future<T> result;
        try {
            result = executor.submit(command::run);
        } catch (RejectedExecutionException e) {
            throw new ControlException("the machine has ended", e);
        }
        try {
            return result.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException("interrupted before the command was done", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case ControlException refused ->
                    throw new ControlException(String.valueOf(refused.getMessage()), refused);
                case RuntimeException defect -> throw new IllegalStateException(defect.toString(), defect);
                case Error defect -> throw new IllegalStateException(defect.toString(), defect);
                case null, default -> throw new IllegalStateException(String.valueOf(e.getMessage()), e);
            }
        }
    }

    /** Has something done, and waits for it. */
    void run(Action action) throws ControlException {
        call(() -> {
            action.run();
            return true;
        });
    }

    /** Takes no more commands, and waits for the one that is being carried out, but not for ever. */
    @Override
    public void close() {
        executor.shutdown();
        try {
            if (!executor.awaitTermination(LONGEST_COMMAND.toMillis(), TimeUnit.MILLISECONDS)) {
                System.getLogger("dev.godwit.operations")
                        .log(Level.WARNING, "A command to the machine has not ended; it is not waited for");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
