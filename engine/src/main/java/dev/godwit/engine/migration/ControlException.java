package dev.godwit.engine.migration;

/**
 * A command that is refused, in words for whoever gave it; nothing has changed. QMP's class is {@code GenericError}.
 */
public final class ControlException extends Exception {

    private static final long serialVersionUID = 1L;

    /** A refusal. */
    public ControlException(String message) {
        super(message);
    }

    /** A refusal with its cause. */
    public ControlException(String message, Throwable cause) {
        super(message, cause);
    }
}
