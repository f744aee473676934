package dev.godwit.qmp;

import java.io.IOException;

/** A command that the machine at the other end refused; the message names the command and gives its own words. */
public final class QmpException extends IOException {

    private static final long serialVersionUID = 1L;

    private final String errorClass;
    private final String text;

    /**
     * A refusal.
     *
     * @param command the command that was refused
     * @param errorClass the class of error, such as {@code GenericError} or {@code CommandNotFound}
     * @param text the description of the machine that refused
     */
    public QmpException(String command, String errorClass, String text) {
        super("'%s' was refused: %s (%s)".formatted(command, text, errorClass));
        this.errorClass = errorClass;
        this.text = text;
    }

    /** {@return the class of error, such as {@code GenericError}} */
    public String errorClass() {
        return errorClass;
    }

    /** {@return the description of the machine that refused} */
    public String text() {
        return text;
    }
}
