package dev.godwit.qemu;

import java.io.IOException;

/**
 * A page of guest RAM that a source cannot give: its file cannot be read, or holds something else than it should. The
 * page was not sent, and nothing was sent in its stead.
 */
public final class UnreadablePageException extends IOException {

    private static final long serialVersionUID = 1L;

    /**
     * A page that cannot be read.
     *
     * @param message which page, and why not
     * @param cause what reading it ended with
     */
    public UnreadablePageException(String message, IOException cause) {
        super(message, cause);
    }
}
