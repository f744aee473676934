package dev.godwit.testkit;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for what tells nobody that it has happened: looks again and again, soon leaves the processor to those who are
 * waited for, and never looks for ever.
 */
public final class Await {

    /** Longer than a slow machine takes for anything, and shorter than JUnit's own patience. */
    static final Duration LONGEST = Duration.ofMinutes(5);

    /** So long it looks as often as it can: what is waited for may last no longer than that. */
    private static final long EAGER_NS = 10_000_000;

    private static final long BETWEEN_LOOKS_NS = 100_000;

    private Await() {}

    /**
     * Returns when a condition holds.
     *
     * @param what is waited for, in the words of the failure
     * @throws AssertionError after five minutes in vain, or when the thread is interrupted, as JUnit does when a test's
     *     own time is over
     */
    public static <E extends Exception> void until(String what, Condition<E> condition) throws E {
        until(what, LONGEST, condition);
    }

    /** Returns when a condition holds; fails after so long in vain. */
    public static <E extends Exception> void until(String what, Duration patience, Condition<E> condition) throws E {
        long startNs = System.nanoTime();
        while (!condition.holds()) {
            long waitedNs = System.nanoTime() - startNs;
            if (waitedNs > patience.toNanos()) {
                throw new AssertionError("waited %d s for %s in vain".formatted(patience.toSeconds(), what));
            }
            if (Thread.interrupted()) {
                throw new AssertionError("interrupted while waiting for " + what);
            }
            if (waitedNs < EAGER_NS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(BETWEEN_LOOKS_NS);
            }
        }
    }

    /** What is looked at. */
    @FunctionalInterface
    public interface Condition<E extends Exception> {
        /** {@return whether it is so now} */
        boolean holds() throws E;
    }
}
