package dev.godwit.engine.postcopy;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.ram.GuestMemory;
import java.io.IOException;
import java.util.List;

/**
 * The memory of a machine whose pages can be missing: whoever touches one waits until it is placed. A port; any thread
 * may call any method, but for the order given here.
 *
 * <pre>
 * prepare
 * forbidHugePages  discard*      nobody touches the memory
 * listen                         from here on it is touched by native calls and vCPUs only
 * (place | placeZero)*           each page once, whole host pages
 * end | abandon
 * </pre>
 */
public interface PostcopyRam {

    /** Hears of faults, on one thread. */
    interface FaultListener {

        /**
         * A thread waits for a page.
         *
         * @param offsetBytes of the host page in its block
         * @param threadId who waits, as the kernel numbers threads; 0 where it does not say
         */
        void fault(int blockIndex, long offsetBytes, int threadId);
    }

    /** {@return the memory} */
    GuestMemory memory();

    /** {@return what makes it ready for the pages of one migration while it is ordinary memory; a new one each time} */
    MemoryAhead ahead();

    /** {@return why this host cannot do it, each reason in a sentence; empty where it can} */
    List<String> refusals();

    /**
     * Makes what {@link #listen} needs: that fails, or takes its time, while the guest still runs where it is. Without
     * effect where it is made already; {@link #end} and {@link #abandon} free it.
     *
     * @param listener the one that is given to {@link #listen}
     * @throws IOException if the kernel refuses; nothing is made then
     */
    void prepare(FaultListener listener) throws IOException;

    /** Has the kernel bring pages one by one; before the first discard. */
    void forbidHugePages() throws IOException;

    /**
     * Forgets pages: they are missing afterwards.
     *
     * @param offsetBytes in the block; a multiple of its host page, like the length
     */
    void discard(int blockIndex, long offsetBytes, long lengthBytes) throws IOException;

    /**
     * From now on whoever touches a missing page waits, and is told of.
     *
     * @throws IOException if the kernel refuses; nothing is changed then
     */
    void listen(FaultListener listener) throws IOException;

    /**
     * Places a host page in one step, as others see it, and wakes whoever waits for it.
     *
     * @param offsetBytes in the block, a multiple of its host page
     * @param sourceAddress a host page of native memory that is there
     * @throws IOException if there is a page already, or the kernel refuses; the page is as it was
     */
    void place(int blockIndex, long offsetBytes, long sourceAddress) throws IOException;

    /**
     * Places consecutive host pages of 4 KiB by one call, each in one step as others see it, and wakes whoever waits
     * for them.
     *
     * @param sourceAddress their content, in native memory that is there
     * @return how many of these bytes were placed, from the first on: fewer where a page is there already, or where the
     *     kernel stopped; {@link #place} says why
     * @throws IOException if nobody listens for missing pages
     */
    long placeRun(int blockIndex, long offsetBytes, long sourceAddress, long lengthBytes) throws IOException;

    /** Places a host page of zeros; otherwise as {@link #place}. */
    void placeZero(int blockIndex, long offsetBytes) throws IOException;

    /** Wakes whoever waits for a page, to look again. */
    void wake(int blockIndex, long offsetBytes);

    /** Every page is there: nobody waits any more, and what was never placed is zero. */
    void end() throws IOException;

    /**
     * Lets everybody go who waits for a page, with zeros. Only for a guest that does not run and never will. Does
     * nothing after {@link #end}.
     */
    void abandon();
}
