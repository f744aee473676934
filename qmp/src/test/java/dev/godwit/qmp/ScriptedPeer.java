package dev.godwit.qmp;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A server that does what a test's script says, for one client; it hangs up when the script is over. */
final class ScriptedPeer implements AutoCloseable {

    static final String GREETING =
            "{\"QMP\":{\"version\":{\"qemu\":{\"major\":10,\"minor\":0,\"micro\":2}}," + "\"capabilities\":[\"oob\"]}}";

    /** What the server does with its client. */
    interface Script {
        void play(ScriptedPeer peer) throws IOException;
    }

    private final ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private @Nullable Socket client;
    private @Nullable BufferedReader reader;

    ScriptedPeer(Script script) throws IOException {
        Thread.ofVirtual().start(() -> {
            try (Socket accepted = server.accept()) {
                client = accepted;
                reader = new BufferedReader(new InputStreamReader(accepted.getInputStream(), StandardCharsets.UTF_8));
                script.play(this);
            } catch (IOException e) {
                // The client has gone, as it does in many of these tests.
            }
        });
    }

    QmpAddress address() {
        return new QmpAddress.Tcp("127.0.0.1", server.getLocalPort());
    }

    /** Greets, and answers the negotiation. */
    void greet() throws IOException {
        say(GREETING);
        answer(read(), "{}");
    }

    /** Writes a line. */
    void say(String line) throws IOException {
        send((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    }

    void send(byte[] bytes) throws IOException {
        OutputStream out = Objects.requireNonNull(client).getOutputStream();
        out.write(bytes);
        out.flush();
    }

    /** Reads the next command. */
    JsonObject read() throws IOException {
        String line = Objects.requireNonNull(reader).readLine();
        if (line == null) {
            throw new IOException("the client hung up");
        }
        return (JsonObject) JsonValue.parse(line);
    }

    void answer(JsonObject command, String result) throws IOException {
        say("{\"return\":" + result + ",\"id\":" + command.wholeNumber("id").orElseThrow() + "}");
    }

    /** Waits until the client hangs up. */
    void awaitHangUp() throws IOException {
        while (Objects.requireNonNull(reader).readLine() != null) {
            // What it says meanwhile is of no interest.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
