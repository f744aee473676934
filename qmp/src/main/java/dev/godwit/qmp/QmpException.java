package dev.godwit.qmp;

import java.io.IOException;

/** A command that QEMU refused; the message names the command and gives QEMU's own words. */
public final class QmpException extends IOException {

    private static final long serialVersionUID = 1L;

    private final String errorClass;
    private final String text;

    /**
     * A refusal.
     *
     * @param command the command that was refused
     * @param errorClass QEMU's class of error, such as {@code GenericError} or {@code CommandNotFound}
     * @param text QEMU's description
     */
    public QmpException(String command, String errorClass, String text) {
        super("QEMU refused '%s': %s (%s)".formatted(command, text, errorClass));
        this.errorClass = errorClass;
        this.text = text;
    }

    /** {@return QEMU's class of error, such as {@code GenericError}} */
    public String errorClass() {
        return errorClass;
    }

    /** {@return QEMU's description} */
    public String text() {
        return text;
    }
}
