package dev.godwit.codec;

/**
 * An encoded page that does not keep to its encoding; the message is the reason. Positions are the caller's to add: a
 * codec knows nothing of the stream around it.
 */
public final class PageDecodingException extends Exception {

    private static final long serialVersionUID = 1L;

    /**
     * A violation.
     *
     * @param reason what was expected and found, one clause
     */
    public PageDecodingException(String reason) {
        super(reason);
    }

    /** A violation that another decoder found. */
    PageDecodingException(String reason, Throwable cause) {
        super(reason, cause);
    }
}
