package dev.godwit.engine.precopy;

import java.io.IOException;

/** Hears what the destination says while a machine is sent to it; called from one thread of the stream's. */
public interface ReturnPathListener {

    /** The destination has no objection to a switchover. */
    void switchoverAcknowledged();

    /**
     * The destination's last word.
     *
     * @param status 0: it has the guest; anything else: it failed
     */
    void shut(int status);

    /** No more words will come: the connection has ended or what came makes no sense. */
    void lost(IOException cause);
}
