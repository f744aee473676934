package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.qemu.ReceivedPages;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.testkit.TestAuthority;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import dev.godwit.transport.TlsCredentials;
import dev.godwit.transport.TlsCredentials.Endpoint;
import dev.godwit.transport.TlsHandshakeException;
import dev.godwit.transport.TlsServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class IncomingTlsConnectionsTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int MIGRATION_MAGIC = 0x5145564d;

    @TempDir
    Path folder;

    private final TestAuthority authority = new TestAuthority("Test CA");

    @BeforeEach
    void credentials() throws IOException {
        authority.trustIn(folder);
        TestAuthority.write(folder, "server", authority.issue("server", "localhost"));
        TestAuthority.write(folder, "client", authority.issue("client"));
    }

    private MigrationUri uri() {
        return new MigrationUri.Unix(folder.resolve("s"));
    }

    private MigrationListener listener() throws IOException {
        TlsServer tls = new TlsServer(TlsCredentials.load(folder, Endpoint.SERVER, true), true);
        return MigrationListener.open(uri(), tls);
    }

    private MigrationChannel source() throws IOException {
        TlsCredentials credentials = TlsCredentials.load(folder, Endpoint.CLIENT, true);
        return uri().connect(PATIENCE, new TlsClient(credentials, Optional.of("localhost")));
    }

    private IncomingConnections connections(MigrationListener listener, SnapshotWriter writer, int multifdChannels) {
        ReceiveOptions options = new ReceiveOptions(
                folder.resolve("snapshot"), uri(), multifdChannels, MultifdMethod.NONE, false, Optional.empty());
        return new IncomingConnections(listener, options, new ReceivedPages(writer), Progress.NONE);
    }

    private SnapshotWriter writer() throws IOException {
        return SnapshotWriter.create(folder.resolve("snapshot"), SnapshotOptions.DEFAULT);
    }

    private static void send(MigrationChannel channel, int... words) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length);
        for (int word : words) {
            bytes.putInt(word);
        }
        channel.write(bytes.flip());
    }

    private static int read(MigrationChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4);
        while (bytes.hasRemaining()) {
            assertThat(channel.read(bytes)).isPositive();
        }
        return bytes.getInt(0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void strangers_before_during_and_after_the_handshake_disturb_no_migration(int multifdChannels) throws Exception {
        try (SnapshotWriter writer = writer();
                MigrationListener listener = listener();
                IncomingConnections incoming = connections(listener, writer, multifdChannels);
                MigrationChannel silent = uri().connect(PATIENCE)) {
            uri().connect(PATIENCE).close();
            try (MigrationChannel source = source()) {
                send(source, MIGRATION_MAGIC, 3);
                incoming.awaitMain();
                assertThat(read(incoming.main())).isEqualTo(MIGRATION_MAGIC);

                try (MigrationChannel stranger = uri().connect(PATIENCE)) {
                    send(stranger, MIGRATION_MAGIC, 3);
                    ByteBuffer alert = ByteBuffer.allocate(100);
                    while (stranger.read(alert) >= 0) {
                        assertThat(alert.hasRemaining()).isTrue();
                    }
                }
                assertThat(read(incoming.main())).isEqualTo(3);
                send(source, 7);
                assertThat(incoming.explaining(() -> read(incoming.main()))).isEqualTo(7);
                assertThat(silent.isOpen()).isTrue();
            }
        }
    }

    @Test
    void a_source_that_is_refused_ends_the_wait_with_the_reason() throws Exception {
        try (SnapshotWriter writer = writer();
                MigrationListener listener = listener();
                IncomingConnections incoming = connections(listener, writer, 0);
                MigrationChannel plain = uri().connect(PATIENCE)) {
            send(plain, MIGRATION_MAGIC, 3);
            assertThatThrownBy(incoming::awaitMain)
                    .isInstanceOf(TlsHandshakeException.class)
                    .hasMessageContaining("expected a TLS ClientHello, found 51 45 56 4d");
        }
    }

    @Test
    void a_multifd_channel_that_comes_first_is_known_by_what_it_says() throws Exception {
        try (SnapshotWriter writer = writer();
                MigrationListener listener = listener();
                IncomingConnections incoming = connections(listener, writer, 1);
                MigrationChannel multifd = source();
                MigrationChannel main = source()) {
            send(multifd, 0x11223344, 1);
            send(main, MIGRATION_MAGIC, 3);
            incoming.awaitMain();
            assertThat(read(incoming.main())).isEqualTo(MIGRATION_MAGIC);
        }
    }

    @Test
    void a_connection_too_many_fails_the_migration() throws Exception {
        try (SnapshotWriter writer = writer();
                MigrationListener listener = listener();
                IncomingConnections incoming = connections(listener, writer, 0);
                MigrationChannel first = source()) {
            incoming.awaitMain();
            try (MigrationChannel second = source()) {
                assertThatThrownBy(() -> incoming.explaining(() -> read(incoming.main())))
                        .hasMessageContaining("connection 2 of 1");
                assertThat(first.isDuplex() && second.isDuplex()).isTrue();
            }
        }
    }
}
