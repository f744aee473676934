package dev.godwit.engine.postcopy;

import java.io.IOException;

/**
 * The destination of a postcopy failed before it let the guest run, and said so: the guest is still at the source
 * alone.
 */
public final class GuestReturnedException extends IOException {

    private static final long serialVersionUID = 1L;

    /**
     * A guest that never ran at the destination.
     *
     * @param message what the destination said
     */
    public GuestReturnedException(String message) {
        super(message);
    }
}
