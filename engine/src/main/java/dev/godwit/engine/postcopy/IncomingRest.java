package dev.godwit.engine.postcopy;

import java.io.IOException;

/**
 * The rest of a guest's RAM, which comes while the guest runs here already: a port. {@link #receive} and
 * {@link #awaitSource} are called by one thread, everything else by any.
 *
 * <p>Missing pages are asked for from before this is handed out. No error lets anybody go who waits for a page; but for
 * {@link #abandon}.
 */
public interface IncomingRest {

    /** Has something done on a thread that has been waiting for it; once. */
    void beside(Runnable work);

    /**
     * The machine has taken its devices' state, and is about to be started.
     *
     * @throws IOException if this is not the time for it
     */
    void loaded() throws IOException;

    /**
     * The guest is here, and runs if it ran at the source; which is told so, where it asked. A connection that breaks
     * with that is broken off.
     */
    void started();

    /**
     * Receives pages to the end, from the connection there is.
     *
     * @param resumed called when the source of a new connection sends pages again
     * @throws IOException if the connection breaks, or what comes is wrong; what was placed stays
     */
    void receive(Runnable resumed) throws IOException;

    /** Closes the connection; whoever reads it ends with an exception. */
    void breakOff();

    /**
     * Waits for the source to come back over another connection.
     *
     * @throws IOException if nobody waits for it any more, because the machine ends
     */
    void awaitSource() throws IOException;

    /**
     * Every page has come: the memory is ordinary again.
     *
     * @throws IOException if one that was asked for has not come
     */
    void end() throws IOException;

    /** The guest will never run here: whoever waits for a page is let go, and nobody for the source. */
    void abandon();
}
