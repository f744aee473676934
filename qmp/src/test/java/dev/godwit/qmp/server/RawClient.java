package dev.godwit.qmp.server;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client that sends any bytes and reads lines; a line is given back without the marks that end it. */
final class RawClient implements Closeable {

    private final SocketChannel channel;
    private final BufferedReader reader;
    final String greeting;

    RawClient(Path socket) throws IOException {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
        reader = new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
        greeting = line();
    }

    /** {@return a client that has negotiated} */
    static RawClient negotiated(Path socket, String... enable) throws IOException {
        RawClient client = new RawClient(socket);
        String list = enable.length == 0 ? "" : "\"" + String.join("\",\"", enable) + "\"";
        client.send("{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[" + list + "]}}\n");
        client.line();
        return client;
    }

    void send(String text) throws IOException {
        send(text.getBytes(StandardCharsets.UTF_8));
    }

    void send(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    String ask(String text) throws IOException {
        send(text + "\n");
        return line();
    }

    /** {@return the next line, or {@code (end)}} */
    String line() throws IOException {
        String line = reader.readLine();
        return line == null ? "(end)" : line;
    }

    void endInput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
