package dev.godwit.qmp.server;

/** A command that is answered with an error, in QEMU's classes and words; nothing has changed. */
public final class RefusedCommandException extends Exception {

    private static final long serialVersionUID = 1L;

    /** QEMU's classes of error. */
    public enum ErrorClass {
        /** Whatever has no class of its own. */
        GENERIC("GenericError"),
        /** There is no such command, or not at this moment. */
        COMMAND_NOT_FOUND("CommandNotFound");

        private final String word;

        ErrorClass(String word) {
            this.word = word;
        }

        /** {@return QEMU's word, for example {@code GenericError}} */
        public String word() {
            return word;
        }
    }

    private final ErrorClass errorClass;

    /** A refusal without a class of its own. */
    public RefusedCommandException(String description) {
        this(ErrorClass.GENERIC, description);
    }

    /** A refusal. */
    public RefusedCommandException(ErrorClass errorClass, String description) {
        super(description);
        this.errorClass = errorClass;
    }

    /** {@return QEMU's class of error} */
    public ErrorClass errorClass() {
        return errorClass;
    }
}
