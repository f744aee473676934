package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A thread that answers the faults of a userfaultfd until it is closed. */
final class FaultServer implements AutoCloseable {

    /** Answers one page fault, or takes one other event. */
    interface Answer {
        void to(FaultEvents.Event event) throws LinuxException;
    }

    final BlockingQueue<FaultEvents.Event> seen = new LinkedBlockingQueue<>();

    private final Userfaultfd userfaultfd;
    private final EventFd stop;
    private final Answer answer;
    private final Thread thread;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    FaultServer(Userfaultfd userfaultfd, Answer answer) throws LinuxException {
        this.userfaultfd = userfaultfd;
        this.stop = EventFd.create();
        this.answer = answer;
        this.thread = Thread.ofPlatform().name("fault-server").start(this::run);
    }

    /** {@return a userfaultfd with some features, or the test is skipped} */
    static Userfaultfd open(UserfaultfdFeature... features) throws LinuxException {
        try {
            return Userfaultfd.open(Set.of(features), Set.of());
        } catch (LinuxException e) {
            assumeThat(e.getMessage()).as("no userfaultfd that is needed here").isNull();
            throw e;
        }
    }

    private void run() {
        try (FaultEvents events = new FaultEvents(16)) {
            while (stop.drain() == 0) {
                if (userfaultfd.await(stop, Poll.FOREVER)) {
                    int count = userfaultfd.read(events);
                    for (int i = 0; i < count; i++) {
                        FaultEvents.Event event = events.event(i);
                        seen.add(event);
                        answer.to(event);
                    }
                }
            }
        } catch (Throwable e) {
            failure.set(e);
            userfaultfd.close(); // whoever waits for a page goes on, and the test fails instead of hanging
        }
    }

    @Override
    public void close() throws LinuxException {
        stop.signal();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        stop.close();
        assertThat(failure.get()).isNull();
    }
}
