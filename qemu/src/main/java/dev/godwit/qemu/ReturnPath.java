package dev.godwit.qemu;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;

/** The way back to the source: writes messages to it, each at once. Thread-safe; a message is never torn by another. */
public final class ReturnPath {

    private final ByteOutput output;

    /**
     * A return path.
     *
     * @param channel the socket of the forward stream, in blocking mode; not closed here
     */
    public ReturnPath(WritableByteChannel channel) {
        output = ByteOutput.ofLittle(channel);
    }

    /** Sends a message. */
    public synchronized void send(ReturnPathMessage message) throws IOException {
        ReturnPathMessages.write(output, message);
        output.flush();
    }

    /**
     * Says that nothing more comes. The source ends its guest on 0, and keeps it on anything else.
     *
     * @param status 0 only when everything received is safe
     */
    public void shut(int status) throws IOException {
        send(new ReturnPathMessage.Shut(status));
    }
}
