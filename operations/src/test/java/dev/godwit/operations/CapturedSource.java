package dev.godwit.operations;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPInputStream;

/**
 * A source that sends what a real QEMU once sent: one connection of a captured migration, and keeps what comes back
 * until the destination hangs up.
 */
final class CapturedSource implements AutoCloseable {

    private static final Path CAPTURES = Path.of("../qemu/src/test/resources/captures");

    private final SocketChannel channel;

    CapturedSource(Path socket) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    static byte[] capture(String name) throws IOException {
        try (InputStream gz = new GZIPInputStream(Files.newInputStream(CAPTURES.resolve(name + ".gz")))) {
            return gz.readAllBytes();
        }
    }

    /** Sends the first bytes of a capture; where the destination hangs up before, that is the end. */
    CapturedSource send(byte[] capture, int lengthBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Arrays.copyOf(capture, lengthBytes));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        return this;
    }

    /** Sends a whole capture on a thread of its own, as multifd channels are sent. */
    CompletableFuture<CapturedSource> sendAsync(byte[] capture) {
        CompletableFuture<CapturedSource> sent = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> {
            try {
                sent.complete(send(capture, capture.length));
            } catch (IOException e) {
                sent.completeExceptionally(e);
            }
        });
        return sent;
    }

    CapturedSource hangUp() throws IOException {
        channel.shutdownOutput();
        return this;
    }

    /** {@return all that the destination says until it hangs up} */
    byte[] answers() throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        ByteBuffer some = ByteBuffer.allocate(4096);
        try {
            while (channel.read(some.clear()) >= 0) {
                all.write(some.array(), 0, some.position());
            }
        } catch (IOException e) {
            // Reset by the peer: what it said before is what it said.
        }
        return all.toByteArray();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
