package dev.godwit.xen;

import java.io.IOException;

/**
 * How a hypervisor's guest suspends itself, for a machine whose {@code pause} has to ask it (Xen migration
 * specification section 1.10). Driven by one thread.
 */
public interface Suspension {

    /** What became of a guest that was asked to suspend. */
    enum State {
        /** It still runs. */
        RUNNING,
        /** It is paused and cannot suspend before it goes on. */
        PAUSED,
        /** It is suspended. */
        SUSPENDED,
        /** It is dying, has crashed or is off: it will never suspend. */
        GONE
    }

    /** How often a guest that runs is asked, 10 ms apart. */
    int POLLS = 100;

    /** How often one that is paused is let go on. */
    int PAUSED_POLLS = 10_000;

    /** How long between two questions. */
    long POLL_MS = 10;

    /** Asks the guest to suspend itself. */
    void request() throws IOException;

    /** {@return how far it is with that} */
    State state() throws IOException;

    /** Lets a paused domain go on. */
    void unpause() throws IOException;

    /**
     * Asks the guest, and waits until it is suspended.
     *
     * @throws IOException if it does not suspend, or the thread was interrupted; it may do so later
     */
    default void suspend() throws IOException {
        request();
        int polls = 0;
        int pausedPolls = 0;
        while (true) {
            switch (state()) {
                case SUSPENDED -> {
                    return;
                }
                case GONE -> throw new IOException("the domain is gone: it did not suspend");
                case PAUSED -> {
                    if (++pausedPolls == PAUSED_POLLS) {
                        throw new IOException("the domain is paused again and again: it did not suspend");
                    }
                    unpause();
                }
                case RUNNING -> {
                    if (++polls == POLLS) {
                        throw new IOException("the domain did not suspend within %d polls".formatted(POLLS));
                    }
                }
            }
            try {
                Thread.sleep(POLL_MS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while the domain suspends", e);
            }
        }
    }
}
