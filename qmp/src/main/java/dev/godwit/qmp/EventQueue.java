package dev.godwit.qmp;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The events of one connection since it was opened, kept until they are awaited. Opened before a command is sent, it
 * misses none of the command's events. Any thread may use it.
 */
public final class EventQueue implements AutoCloseable {

    /** So many events are kept; older ones are dropped. */
    static final int CAPACITY = 10_000;

    private final Consumer<EventQueue> onClose;
    private final ArrayDeque<QmpEvent> events = new ArrayDeque<>();
    private @Nullable IOException end;

    EventQueue(Consumer<EventQueue> onClose) {
        this.onClose = onClose;
    }

    synchronized void add(QmpEvent event) {
        if (events.size() == CAPACITY) {
            events.removeFirst();
        }
        events.addLast(event);
        notifyAll();
    }

    synchronized void end(IOException cause) {
        if (end == null) {
            end = cause;
        }
        notifyAll();
    }

    /** Takes the next event, whatever it is; null when there will be none. */
    synchronized @Nullable QmpEvent take() {
        while (events.isEmpty() && end == null) {
            try {
                wait();
            } catch (InterruptedException e) {
                return null;
            }
        }
        return events.pollFirst();
    }

    /**
     * Takes the first event of one of these names; the others stay.
     *
     * @param timeout how long to wait
     * @throws IOException if none came in time, the wait was interrupted, or the connection was lost first
     */
    public QmpEvent await(Duration timeout, String... names) throws IOException {
        return await(
                timeout, String.join(" or ", names), event -> List.of(names).contains(event.name()));
    }

    /**
     * Takes the first event that is wanted; the others stay.
     *
     * @param timeout how long to wait
     * @param what what is waited for, for the error message
     * @param wanted which event to take
     * @throws IOException if none came in time, the wait was interrupted, or the connection was lost first
     */
    public synchronized QmpEvent await(Duration timeout, String what, Predicate<QmpEvent> wanted) throws IOException {
        long deadlineNs = System.nanoTime() + timeout.toNanos();
        while (true) {
            Optional<QmpEvent> event = poll(wanted);
            if (event.isPresent()) {
                return event.get();
            }
            if (end != null) {
                throw new IOException(end.getMessage() + ", before the event " + what, end);
            }
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                throw new IOException(
                        "QEMU did not report the event %s within %d ms".formatted(what, timeout.toMillis()));
            }
            try {
                wait(leftMs);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for the event " + what);
            }
        }
    }

    /** Takes the first event that is wanted and has come already. */
    public synchronized Optional<QmpEvent> poll(Predicate<QmpEvent> wanted) {
        for (Iterator<QmpEvent> all = events.iterator(); all.hasNext(); ) {
            QmpEvent event = all.next();
            if (wanted.test(event)) {
                all.remove();
                return Optional.of(event);
            }
        }
        return Optional.empty();
    }

    /** Collects no more events; those that came already can still be taken. */
    @Override
    public void close() {
        onClose.accept(this);
        end(new IOException("the wait for QEMU's events was given up"));
    }
}
