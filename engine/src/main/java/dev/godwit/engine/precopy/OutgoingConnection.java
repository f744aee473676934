package dev.godwit.engine.precopy;

/** The connections of an outgoing migration, as those see them who end it. Every method may be called by any thread. */
public interface OutgoingConnection {

    /** {@return whether the destination will say how it went} */
    boolean hasReturnPath();

    /**
     * Tells the destination that no more comes; it is still listened to. Whoever writes ends with an exception. Does
     * nothing where the channel cannot do that.
     */
    void endOutput();

    /** Closes the channels: whoever writes or listens ends with an exception. Does not block. */
    void abort();
}
