package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;

/** A process of its own for tests: sends back what comes over a descriptor that it was started with, then its end. */
final class DescriptorEcho {

    private DescriptorEcho() {}

    /** Takes the URI of the descriptor, and whether its buffers are direct. */
    public static void main(String[] arguments) throws IOException {
        boolean direct = Boolean.parseBoolean(arguments[1]);
        ByteBuffer buffer = direct ? ByteBuffer.allocateDirect(1000) : ByteBuffer.allocate(1000);
        try (MigrationChannel channel = MigrationUri.parse(arguments[0]).connect(Duration.ofSeconds(1))) {
            if (!channel.isDuplex()) {
                throw new IOException(channel + " goes one way");
            }
            while (channel.read(buffer.clear()) >= 0) {
                channel.write(buffer.flip());
            }
            channel.shutdownOutput();
        }
    }
}
