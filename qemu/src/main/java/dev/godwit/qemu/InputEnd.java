package dev.godwit.qemu;

import java.io.IOException;

/** Ends the input of a connection that stays open, so that a read under way sees its end; writing goes on. */
@FunctionalInterface
public interface InputEnd {

    /**
     * Ends the input.
     *
     * @throws IOException if the connection is gone
     */
    void endInput() throws IOException;
}
