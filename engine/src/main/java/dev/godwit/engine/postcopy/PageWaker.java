package dev.godwit.engine.postcopy;

/** Wakes whoever waits for a page elsewhere than in this process; a port. Called by any thread, for every page. */
@FunctionalInterface
public interface PageWaker {

    /**
     * A page is here now.
     *
     * @param offsetBytes of the host page in its block
     */
    void placed(int blockIndex, long offsetBytes);
}
