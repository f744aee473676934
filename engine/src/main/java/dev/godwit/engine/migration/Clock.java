package dev.godwit.engine.migration;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What time it is, and how to let it pass: a port, so that a test can move time by hand. */
public interface Clock {

    /** The machine's. */
    Clock SYSTEM = new Clock() {
        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void sleep(long ns) throws InterruptedException {
            TimeUnit.NANOSECONDS.sleep(ns);
        }

        @Override
        public void sleep(long ns, CountDownLatch unless) throws InterruptedException {
            boolean _ = unless.await(ns, TimeUnit.NANOSECONDS);
        }
    };

    /** {@return a time that never goes back, in nanoseconds} */
    long nanoTime();

    /**
     * Waits.
     *
     * @param ns for how long
     */
    void sleep(long ns) throws InterruptedException;

    /**
     * Waits, but no longer than until something has happened.
     *
     * @param ns for how long
     * @param unless is counted down then
     */
    default void sleep(long ns, CountDownLatch unless) throws InterruptedException {
        if (unless.getCount() > 0) {
            sleep(ns);
        }
    }
}
