package dev.godwit.engine.migration;

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
    };

    /** {@return a time that never goes back, in nanoseconds} */
    long nanoTime();

    /**
     * Waits.
     *
     * @param ns for how long
     */
    void sleep(long ns) throws InterruptedException;
}
