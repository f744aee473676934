package dev.godwit.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QmpAddressTest {

    @ParameterizedTest
    @CsvSource({
        "unix:/run/q, unix:/run/q",
        "/run/q, unix:/run/q",
        "q, unix:q",
        "tcp:localhost:4444, tcp:localhost:4444",
        "tcp:[::1]:4444, tcp:[::1]:4444"
    })
    void an_address_is_read(String text, String same) {
        assertThat(QmpAddress.parse(text)).hasToString(same);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "unix:", "tcp:", "tcp:host", "tcp:host:", "tcp:host:0", "tcp:host:65536", "tcp::1"})
    void what_is_no_address_is_refused(String text) {
        assertThatThrownBy(() -> QmpAddress.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unix:PATH");
    }

    @Test
    void a_socket_that_is_not_there_is_said_to_be_missing(@TempDir Path folder) {
        Path path = folder.resolve("none");
        assertThatThrownBy(() -> QmpClient.connect(new QmpAddress.Unix(path)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("there is no socket " + path);
    }

    @Test
    void a_path_too_long_for_a_socket_is_an_ordinary_failure(@TempDir Path folder) throws IOException {
        Path path = Files.createFile(folder.resolve("x".repeat(200)));
        assertThatThrownBy(() -> QmpClient.connect(new QmpAddress.Unix(path)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("could not connect");
    }

    @Test
    void a_port_where_nobody_listens_is_an_ordinary_failure() throws IOException {
        int port;
        try (var unused = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = unused.getLocalPort();
        }
        assertThatThrownBy(() -> QmpClient.connect(new QmpAddress.Tcp("127.0.0.1", port)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("could not connect to QEMU at tcp:127.0.0.1:" + port);
    }
}
