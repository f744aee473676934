package dev.godwit.qemu;

import java.io.IOException;

/** Ends the output of a connection whose other direction stays open. */
public interface OutputEnd {

    /**
     * Ends the output: whoever writes finds it closed, and the other side finds the end.
     *
     * @throws IOException if the connection is gone
     */
    void endOutput() throws IOException;
}
