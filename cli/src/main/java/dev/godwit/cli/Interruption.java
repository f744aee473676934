package dev.godwit.cli;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Ctrl-C. The first ends the operations under way by closing them, which makes them undo what they did; the command
 * then ends by their exceptions, with status 130. The second ends the process at once.
 */
final class Interruption {

    /** A registered operation; closing this ends the registration, not the operation. */
    interface Registration extends AutoCloseable {
        @Override
        void close();
    }

    private final Deque<AutoCloseable> operations = new ArrayDeque<>();
    private boolean interrupted;
    private @Nullable Thread undoing;

    /**
     * Has an operation closed on Ctrl-C, at once where that came already.
     *
     * @param operation its close, called from another thread, ends the work and undoes it
     */
    Registration register(AutoCloseable operation) {
        boolean late;
        synchronized (this) {
            late = interrupted;
            operations.push(operation);
        }
        if (late) {
            closeQuietly(operation);
        }
        return () -> {
            synchronized (this) {
                operations.remove(operation);
            }
        };
    }

    /** {@return whether Ctrl-C came} */
    synchronized boolean isInterrupted() {
        return interrupted;
    }

    /**
     * The user pressed Ctrl-C: closes what runs, the latest first.
     *
     * @return whether anything runs, and so whether the command has something to undo and to say
     */
    boolean interrupt() {
        Deque<AutoCloseable> running;
        synchronized (this) {
            interrupted = true;
            running = new ArrayDeque<>(operations);
        }
        running.forEach(Interruption::closeQuietly);
        return !running.isEmpty();
    }

    /** Waits until what Ctrl-C closed is closed: the process must not end in the middle of that. */
    void awaitUndone() throws InterruptedException {
        Thread thread;
        synchronized (this) {
            thread = undoing;
        }
        if (thread != null) {
            thread.join();
        }
    }

    /** Handles the signals by which users and systems end a process; for the process's own main method only. */
    void handleSignals() {
        for (String name : new String[] {"INT", "TERM", "HUP"}) {
            Signals.handle(name, this::onSignal);
        }
    }

    private void onSignal() {
        if (isInterrupted()) {
            Runtime.getRuntime().halt(ExitStatus.INTERRUPTED);
        }
        Thread thread = Thread.ofPlatform().name("interruption").unstarted(() -> {
            // Where something runs, its exception ends the command and with it the process.
            if (!interrupt()) {
                Runtime.getRuntime().halt(ExitStatus.INTERRUPTED);
            }
        });
        synchronized (this) {
            undoing = thread;
            interrupted = true;
        }
        thread.start();
    }

    private static void closeQuietly(AutoCloseable operation) {
        try {
            operation.close();
        } catch (Exception e) {
            System.getLogger(Interruption.class.getName())
                    .log(System.Logger.Level.DEBUG, "closing after Ctrl-C failed; the operation tells of it", e);
        }
    }
}
