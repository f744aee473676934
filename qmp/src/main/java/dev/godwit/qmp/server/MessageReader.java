package dev.godwit.qmp.server;

import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.MalformedJsonException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Splits what a client sends into JSON values, as QEMU does: a value ends with its last bracket, wherever the lines
 * end; after an error everything up to the end of the line is passed over. Owned by one thread.
 */
final class MessageReader {

    /** The longest message taken; the longest real one has some kilobytes. */
    static final int MAX_MESSAGE_BYTES = 1 << 20;

    private static final byte BACKSLASH = '\\';

    private final ReadableByteChannel channel;
    private final ByteBuffer received = ByteBuffer.allocate(1 << 14).flip();
    private byte[] message = new byte[1 << 10];
    private int lengthBytes;
    private int depth;
    private byte quote;
    private boolean escaped;
    private boolean discarding;

    MessageReader(ReadableByteChannel channel) {
        this.channel = channel;
    }

    /**
     * Reads the next value.
     *
     * @return nothing at the end of the connection
     * @throws MalformedJsonException if it is no JSON; the next call goes on behind it
     */
    Optional<JsonValue> read() throws IOException {
        while (true) {
            if (!received.hasRemaining()) {
                received.clear();
                int count = channel.read(received);
                received.flip();
                if (count < 0) {
                    return Optional.empty();
                }
            }
            while (received.hasRemaining()) {
                if (takesLast(received.get())) {
                    return Optional.of(parsed());
                }
            }
        }
    }

    /** {@return whether the message is complete with this byte} */
    private boolean takesLast(byte b) throws MalformedJsonException {
        if (discarding) {
            discarding = b != '\n';
            return false;
        }
        if (quote != 0) {
            return takesLastInString(b);
        }
        switch (b) {
            case '"', '\'' -> quote = b;
            case '{', '[' -> depth++;
            case '}', ']' -> depth--;
            case ' ', '\t', '\r', '\n' -> {
                if (depth <= 0 && lengthBytes > 0) {
                    return true;
                }
                if (lengthBytes == 0) {
                    return false;
                }
            }
            default -> {
                // Part of a number or keyword.
            }
        }
        add(b);
        return (b == '}' || b == ']') && depth <= 0;
    }

    private boolean takesLastInString(byte b) throws MalformedJsonException {
        add(b);
        if (escaped) {
            escaped = false;
        } else if (b == BACKSLASH) {
            escaped = true;
        } else if (b == quote) {
            quote = 0;
        } else if (b == '\n') {
            reset();
            throw new MalformedJsonException("a line feed within a string");
        }
        return false;
    }

    private void add(byte b) throws MalformedJsonException {
        if (lengthBytes == MAX_MESSAGE_BYTES) {
            discarding = b != '\n';
            reset();
            throw new MalformedJsonException("a message of more than " + MAX_MESSAGE_BYTES + " bytes");
        }
        if (lengthBytes == message.length) {
            message = Arrays.copyOf(message, Math.min(2 * message.length, MAX_MESSAGE_BYTES));
        }
        message[lengthBytes++] = b;
    }

    private JsonValue parsed() throws MalformedJsonException {
        ByteBuffer bytes = ByteBuffer.wrap(Arrays.copyOf(message, lengthBytes));
        reset();
        try {
            return JsonValue.parseLeniently(
                    StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
        } catch (CharacterCodingException e) {
            throw new MalformedJsonException("what is no UTF-8");
        }
    }

    private void reset() {
        lengthBytes = 0;
        depth = 0;
        quote = 0;
        escaped = false;
        if (message.length > 1 << 16) {
            message = new byte[1 << 10];
        }
    }
}
