package dev.godwit.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.linux.DescriptorStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class InheritedSocketTest {

    private static final Path BASH = Path.of("/bin/bash");

    @TempDir
    Path folder;

    @ParameterizedTest(name = "direct buffers: {0}, seed 5")
    @ValueSource(booleans = {true, false})
    void a_socket_that_a_process_was_started_with_carries_bytes_both_ways(boolean direct) throws Exception {
        assumeTrue(Files.exists(BASH), "skipped: there is no bash, which opens a socket for its child");
        byte[] content = new byte[3_000_000];
        new Random(5).nextBytes(content);
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp:127.0.0.1:0"))) {
            Process echo = echo(((MigrationUri.Tcp) listener.address()).port(), direct);
            try (MigrationChannel channel = listener.accept()) {
                Thread writer = Thread.ofPlatform().start(() -> writeAll(channel, content));
                ByteBuffer back = ByteBuffer.allocate(content.length + 1);
                while (channel.read(back) >= 0) {
                    assertThat(back.hasRemaining()).isTrue();
                }
                writer.join();
                assertThat(back.flip()).isEqualTo(ByteBuffer.wrap(content));
                assertThat(echo.waitFor(30, TimeUnit.SECONDS)).isTrue();
                assertThat(Files.readString(folder.resolve("errors"))).isEmpty();
                assertThat(echo.exitValue()).isZero();
            } finally {
                echo.destroyForcibly();
            }
        }
    }

    private static void writeAll(MigrationChannel channel, byte[] content) {
        try {
            channel.write(ByteBuffer.wrap(content));
            channel.shutdownOutput();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Process echo(int port, boolean direct) throws IOException {
        String classPath = Stream.of(DescriptorEcho.class, MigrationUri.class, DescriptorStream.class)
                .map(InheritedSocketTest::place)
                .distinct()
                .collect(Collectors.joining(":"));
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return new ProcessBuilder(List.of(
                        BASH.toString(),
                        "-c",
                        "exec 7<>/dev/tcp/127.0.0.1/$0 && exec \"$@\"",
                        Integer.toString(port),
                        java,
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath,
                        DescriptorEcho.class.getName(),
                        "fd:7",
                        Boolean.toString(direct)))
                .redirectError(folder.resolve("errors").toFile())
                .start();
    }

    private static String place(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
