package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.MalformedJsonException;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** What a QEMU says over QMP: anything but an answer or an IOException, a wait without end included, is a finding. */
class QmpFuzzTest {

    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private static final Path SOCKET;
    private static final ServerSocketChannel SERVER;

    static {
        try {
            SOCKET = TemporaryFile.create("qmp");
            SERVER = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            SERVER.bind(UnixDomainSocketAddress.of(SOCKET));
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @FuzzTest
    void a_json_value(byte[] text) throws MalformedJsonException {
        JsonValue value;
        try {
            value = JsonValue.parse(new String(text, StandardCharsets.UTF_8));
        } catch (MalformedJsonException _) {
            return; // refused, as it may be
        }
        if (!JsonValue.parse(value.toString()).equals(value)) {
            throw new AssertionError("written again it is another value: " + value);
        }
    }

    @FuzzTest
    void a_session(byte[] said) throws Exception {
        Thread qemu = Thread.ofVirtual().start(() -> say(said));
        long startNs = System.nanoTime();
        try (QmpClient client = QmpClient.connect(new QmpAddress.Unix(SOCKET), TIMEOUT);
                Closeable _ = client.subscribe(event -> {})) {
            QemuMonitor monitor = new QemuMonitor(client);
            monitor.version();
            monitor.queryStatus();
            monitor.queryMigrate();
            monitor.migrationCapabilities();
            monitor.migrationParameters();
        } catch (IOException _) {
            // refused, or at the end: as it may be
        }
        qemu.join();
        if (System.nanoTime() - startNs > TIMEOUT.toNanos() / 2) {
            throw new AssertionError("the connection had ended, and the client waited on");
        }
    }

    @SuppressWarnings("EmptyCatch") // the client may have gone by then
    private static void say(byte[] said) {
        try (SocketChannel connection = SERVER.accept()) {
            ByteBuffer bytes = ByteBuffer.wrap(said);
            while (bytes.hasRemaining()) {
                connection.write(bytes);
            }
        } catch (IOException _) {
            // what it did not hear, it did not need
        }
    }
}
