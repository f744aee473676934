package dev.godwit.qmp;

import java.io.IOException;

/** A text that is not the JSON it should be; the message says what is wrong and where. */
public final class MalformedJsonException extends IOException {

    private static final long serialVersionUID = 1L;

    /**
     * A refusal.
     *
     * @param message what is wrong, with the column where it is known
     */
    public MalformedJsonException(String message) {
        super(message);
    }
}
