package dev.godwit.engine.background;

import java.io.IOException;

/**
 * Synchronous write protection of a machine's memory: whoever writes to a protected page waits until it is let go.
 * Nothing is protected at first. Thread-safe, but for {@link #awaitWrites}, which one thread calls.
 *
 * <p>What waits must not be Java code: a thread that waits in a {@link java.lang.foreign.MemorySegment} access holds up
 * every safepoint, and with it the thread that lets the page go. System calls, downcalls and vCPUs are safe.
 */
public interface WriteTracking extends AutoCloseable {

    /** Hears of writes that wait. */
    interface WaitingWrites {
        /**
         * A thread waits to write to a page. It may have been let go in the meantime.
         *
         * @param page of the block
         * @param threadId the kernel's id of the thread
         * @param sinceNs when it can have begun to wait at the earliest, by {@link System#nanoTime}: when there was
         *     nothing to be read the last time; where nobody looked in between, when this thread was woken
         */
        void waits(int blockIndex, long page, int threadId, long sinceNs) throws IOException;
    }

    /** {@return whether the block is tracked; the guest cannot write the others} */
    boolean isTracked(int blockIndex);

    /** {@return how many target pages are protected and let go at once: those of a page of the host} */
    int unitPages(int blockIndex);

    /**
     * Protects pages of a tracked block, written or not. The guest may run.
     *
     * @param firstPage a multiple of the unit, as is {@code pages}
     * @throws IOException if the kernel refuses; some of them may be protected then
     */
    void protect(int blockIndex, long firstPage, long pages) throws IOException;

    /**
     * Lets pages of a tracked block be written again, and wakes whoever waits for them.
     *
     * @param firstPage a multiple of the unit, as is {@code pages}
     * @throws IOException if the kernel refuses, or this is closed
     */
    void letGo(int blockIndex, long firstPage, long pages) throws IOException;

    /**
     * Waits for writes that wait, and tells of each.
     *
     * @return false once {@link #endWaiting} was called
     * @throws IOException if the kernel refuses, or the listener throws it
     */
    boolean awaitWrites(WaitingWrites listener) throws IOException;

    /** Wakes the thread that is in {@link #awaitWrites}, and any that comes later. */
    void endWaiting();

    /**
     * Ends the protection of all pages, wakes whoever waits, and leaves the memory as it was before. Twice does no
     * harm.
     */
    @Override
    void close();
}
