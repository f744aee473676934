package dev.godwit.qemu;

import dev.godwit.engine.precopy.ReturnPathListener;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;

/** Reads what a precopy's destination says, in a virtual thread, until its last word or the end of the connection. */
final class ReturnPathReader {

    private final Thread thread;

    /**
     * Begins to read.
     *
     * @param channel closing it ends the reading
     */
    ReturnPathReader(ReadableByteChannel channel, ReturnPathListener listener) {
        thread = Thread.ofVirtual().name("return-path").start(() -> read(new ByteInput(channel), listener));
    }

    private static void read(ByteInput input, ReturnPathListener listener) {
        try {
            while (!input.atEnd()) {
                switch (ReturnPathMessages.read(input)) {
                    case ReturnPathMessage.Shut(int status) -> {
                        listener.shut(status);
                        return;
                    }
                    case ReturnPathMessage.SwitchoverAck _ -> listener.switchoverAcknowledged();
                    case ReturnPathMessage.Pong _ -> {}
                    case ReturnPathMessage.RequestPages _,
                            ReturnPathMessage.RequestPagesOf _,
                            ReturnPathMessage.ReceivedBitmap _,
                            ReturnPathMessage.ResumeAck _ ->
                        throw input.unexpected("PONG, SWITCHOVER_ACK or SHUT in precopy", "a message of postcopy");
                }
            }
            listener.lost(new IOException("the destination closed the connection without its last word"));
        } catch (IOException e) {
            listener.lost(e);
        }
    }

    /** Waits for the end of the reading, which whoever calls has brought about. */
    void join() {
        try {
            thread.join();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
