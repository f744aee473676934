package dev.godwit.transport;

import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Closes a connection unless what is being done with it is done in time; for calls that have no timeout. */
final class Deadline implements AutoCloseable {

    private final CountDownLatch done = new CountDownLatch(1);
    private volatile boolean passed;

    Deadline(Duration timeout, Closeable connection) {
        Thread.ofVirtual().name("deadline").start(() -> watch(timeout, connection));
    }

    private void watch(Duration timeout, Closeable connection) {
        try {
            if (!done.await(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                passed = true;
                connection.close();
            }
        } catch (InterruptedException | IOException _) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return whether the time is over and the connection was closed for it} */
    boolean hasPassed() {
        return passed;
    }

    /** It is done: the connection stays open. */
    @Override
    public void close() {
        done.countDown();
    }
}
