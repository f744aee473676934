package dev.godwit.qmp;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.UserPrincipal;
import java.util.Arrays;
import java.util.Optional;
import jdk.net.ExtendedSocketOptions;

/** The lines of a QMP connection: one JSON object each, ended by a line feed. One thread reads, another one writes. */
final class QmpLines implements Closeable {

    /** The longest line taken from the peer; QEMU's longest answer, {@code query-qmp-schema}, is under 1 MiB. */
    static final int MAX_LINE_BYTES = 16 << 20;

    private final SocketChannel channel;
    private final ByteBuffer received = ByteBuffer.allocate(1 << 16).flip();
    private byte[] line = new byte[1 << 12];

    QmpLines(SocketChannel channel) {
        this.channel = channel;
    }

    /**
     * Reads the next line that is not blank.
     *
     * @throws EOFException if the peer closed the connection, between lines or within one
     * @throws MalformedJsonException if the line is too long or no JSON object in UTF-8
     */
    JsonObject read() throws IOException {
        while (true) {
            int lengthBytes = readLine();
            String text = decode(lengthBytes);
            if (!text.isBlank()) {
                if (JsonValue.parse(text) instanceof JsonObject object) {
                    return object;
                }
                throw refusal("a line that is no object");
            }
        }
    }

    private int readLine() throws IOException {
        int lengthBytes = 0;
        while (true) {
            if (!received.hasRemaining()) {
                received.clear();
                int count = channel.read(received);
                received.flip();
                if (count < 0) {
                    throw new EOFException(
                            lengthBytes == 0 ? "the peer closed it" : "the peer closed it in the middle of a line");
                }
            }
            while (received.hasRemaining()) {
                byte b = received.get();
                if (b == '\n') {
                    return lengthBytes;
                }
                if (lengthBytes == MAX_LINE_BYTES) {
                    throw refusal("a line of more than " + MAX_LINE_BYTES + " bytes");
                }
                if (lengthBytes == line.length) {
                    line = Arrays.copyOf(line, Math.min(2 * line.length, MAX_LINE_BYTES));
                }
                line[lengthBytes++] = b;
            }
        }
    }

    private String decode(int lengthBytes) throws MalformedJsonException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(line, 0, lengthBytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw refusal("a line that is no UTF-8");
        }
    }

    private static MalformedJsonException refusal(String found) {
        return new MalformedJsonException("the peer sent " + found + " where QMP has one JSON object a line");
    }

    /** {@return the user who listens at the other end of a unix socket, where the system says so} */
    Optional<UserPrincipal> peerUser() {
        try {
            return Optional.of(
                    channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user());
        } catch (IOException | UnsupportedOperationException e) {
            return Optional.empty();
        }
    }

    /** Writes a line whole. */
    void write(JsonObject message) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((message + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
