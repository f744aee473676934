package dev.godwit.engine;

import java.io.IOException;

/** A migration or snapshot that failed, with the answer to the question that counts: where is the guest now? */
public final class MigrationException extends IOException {

    private static final long serialVersionUID = 1L;

    private final GuestLocation guestLocation;

    /**
     * A failure.
     *
     * @param message what happened and what the user can do, one sentence
     * @param guestLocation where the guest is now
     */
    public MigrationException(String message, GuestLocation guestLocation) {
        super(message);
        this.guestLocation = guestLocation;
    }

    /**
     * A failure with its cause; the cause's text is not repeated in the message.
     *
     * @param message what happened and what the user can do, one sentence
     * @param guestLocation where the guest is now
     */
    public MigrationException(String message, GuestLocation guestLocation, Throwable cause) {
        super(message, cause);
        this.guestLocation = guestLocation;
    }

    /** {@return where the guest is now} */
    public GuestLocation guestLocation() {
        return guestLocation;
    }
}
