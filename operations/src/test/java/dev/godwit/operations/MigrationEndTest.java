package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A QEMU that is asked how its migration stands just when an incoming postcopy ends may crash, so it is not asked. */
@Timeout(60)
class MigrationEndTest {

    private static final Pattern EXECUTED = Pattern.compile("\"execute\": *\"([^\"]+)\".*\"id\": *(\\d+)");

    @TempDir
    private Path folder;

    /** The control socket of a QEMU at the end of a postcopy: a moment that no real one shows on demand. */
    private static final class EndingQemu implements AutoCloseable {
        final List<String> executed = new CopyOnWriteArrayList<>();
        private final Deque<String> runStates = new ArrayDeque<>(List.of("inmigrate", "running"));
        private final ServerSocketChannel listener;
        private final CompletableFuture<SocketChannel> accepted = new CompletableFuture<>();

        EndingQemu(Path socket) throws IOException {
            listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            listener.bind(UnixDomainSocketAddress.of(socket));
            Thread.ofPlatform().daemon().name("ending-qemu").start(this::serve);
        }

        private void serve() {
            try (SocketChannel channel = listener.accept();
                    BufferedReader lines = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8))) {
                accepted.complete(channel);
                say(channel, "{\"QMP\":{\"version\":{},\"capabilities\":[]}}");
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    Matcher command = EXECUTED.matcher(line);
                    assertThat(command.find()).as(line).isTrue();
                    executed.add(command.group(1));
                    say(channel, "{\"return\":" + answer(command.group(1)) + ",\"id\":" + command.group(2) + "}");
                }
            } catch (IOException _) {
                // the test has ended
            }
        }

        private String answer(String command) {
            if (command.equals("query-status")) {
                String state = runStates.size() > 1 ? runStates.poll() : runStates.element();
                return "{\"running\":true,\"status\":\"" + state + "\"}";
            }
            return "{}";
        }

        void complete() throws IOException {
            say(accepted.join(), "{\"event\":\"MIGRATION\",\"data\":{\"status\":\"postcopy-active\"}}");
            say(accepted.join(), "{\"event\":\"MIGRATION\",\"data\":{\"status\":\"completed\"}}");
        }

        private static void say(SocketChannel channel, String line) throws IOException {
            channel.write(ByteBuffer.wrap((line + "\r\n").getBytes(StandardCharsets.UTF_8)));
        }

        @Override
        public void close() throws IOException {
            listener.close();
        }
    }

    @Test
    void a_qemu_that_has_said_that_all_has_come_is_only_asked_whether_its_guest_runs() throws Exception {
        Path socket = folder.resolve("qmp");
        try (EndingQemu qemu = new EndingQemu(socket);
                PostcopyQemu destination = new ControlledPostcopyQemu(
                        new DeferredQemu(QmpClient.connect(new QmpAddress.Unix(socket))), false)) {
            qemu.complete();

            destination.finish();

            assertThat(destination.hasGuest()).isTrue();
            assertThat(qemu.executed).contains("query-status").doesNotContain("query-migrate");
        }
    }
}
