package dev.godwit.transport;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.godwit.testkit.Await;
import dev.godwit.testkit.TestAuthority;
import dev.godwit.testkit.TestAuthority.Issued;
import dev.godwit.testkit.TestAuthority.Validity;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class TlsMigrationChannelTest {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @TempDir
    Path base;

    private TlsFolders folders;

    @BeforeEach
    void authority() {
        folders = new TlsFolders(base);
    }

    /** Two ends of one TCP connection. */
    private record Ends(SocketChannel client, MigrationChannel server) implements AutoCloseable {
        static Ends connect() throws IOException {
            try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp::0"))) {
                SocketChannel client = SocketChannel.open(Addresses.of((MigrationUri.Tcp) listener.address()));
                return new Ends(client, listener.accept());
            }
        }

        TlsMigrationChannel client(TlsClient tls) throws IOException {
            return TlsMigrationChannel.client(
                    new PlainMigrationChannel(client, "tcp:test"), tls.credentials(), tls.hostname());
        }

        @Override
        public void close() throws IOException {
            client.close();
            server.close();
        }
    }

    private static <T> FutureTask<T> inBackground(Callable<T> call) {
        FutureTask<T> task = new FutureTask<>(call);
        Thread.ofPlatform().daemon(true).start(task);
        return task;
    }

    private static FutureTask<Boolean> handshake(TlsMigrationChannel channel) {
        return inBackground(() -> {
            channel.handshake();
            return true;
        });
    }

    private static void send(MigrationChannel channel, String text) throws IOException {
        channel.write(ByteBuffer.wrap(text.getBytes(UTF_8)));
    }

    private static String receive(MigrationChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(100);
        while (channel.read(bytes) >= 0) {
            assertThat(bytes.hasRemaining()).isTrue();
        }
        return UTF_8.decode(bytes.flip()).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcp::0", "unix:"})
    @SuppressWarnings("try") // one side is closed early, which the other has to see
    void bytes_go_both_ways_and_the_end_of_one_leaves_the_other(String text) throws Exception {
        MigrationUri uri = MigrationUri.parse("unix:".equals(text) ? text + base.resolve("s") : text);
        try (MigrationListener listener = MigrationListener.open(uri, folders.server())) {
            MigrationUri address = listener.address();
            TlsClient tls = folders.client();
            FutureTask<MigrationChannel> connecting = inBackground(() -> address.connect(PATIENCE, tls));
            try (MigrationChannel destination = listener.accept()) {
                FutureTask<String> received = inBackground(() -> receive(destination));
                try (MigrationChannel source = connecting.get()) {
                    send(source, "pages");
                    source.shutdownOutput();
                    assertThat(received.get()).isEqualTo("pages");
                    send(destination, "SHUT");
                    destination.close();
                    assertThat(receive(source)).isEqualTo("SHUT");
                    assertThat(source.read(ByteBuffer.allocate(1))).isEqualTo(-1);
                    assertThat(source.isDuplex()).isTrue();
                }
            }
        }
    }

    /** Each side writes while the other does, and keys are changed meanwhile; nobody may wait for the other. */
    @ParameterizedTest(name = "read buffers of {0} bytes, direct {1}, seed 7")
    @org.junit.jupiter.params.provider.CsvSource({"7, false", "16384, true", "20000, false", "1048576, true"})
    void much_goes_both_ways_at_once_in_buffers_of_any_length(int readBytes, boolean direct) throws Exception {
        byte[] content = new byte[readBytes < 100 ? 200_000 : 9_000_000];
        new Random(7).nextBytes(content);
        try (Ends ends = Ends.connect();
                TlsMigrationChannel client = ends.client(folders.client());
                TlsMigrationChannel server = TlsMigrationChannel.server(ends.server(), folders.server())) {
            List<FutureTask<Boolean>> tasks = List.of(
                    inBackground(() -> writeAll(client, content, direct)),
                    inBackground(() -> writeAll(server, content, direct)),
                    inBackground(() -> readAll(client, content, readBytes, direct)),
                    inBackground(() -> readAll(server, content, readBytes, direct)));
            for (FutureTask<Boolean> task : tasks) {
                assertThat(task.get()).isTrue();
            }
        }
    }

    private static boolean writeAll(MigrationChannel channel, byte[] content, boolean direct) throws IOException {
        ByteBuffer source = direct ? ByteBuffer.allocateDirect(content.length) : ByteBuffer.allocate(content.length);
        source.put(content).flip();
        while (source.hasRemaining()) {
            ByteBuffer piece = source.slice(source.position(), Math.min(source.remaining(), 300_001));
            source.position(source.position() + channel.write(piece));
        }
        channel.shutdownOutput();
        return true;
    }

    private static boolean readAll(MigrationChannel channel, byte[] content, int bufferBytes, boolean direct)
            throws IOException {
        ByteBuffer target = direct ? ByteBuffer.allocateDirect(bufferBytes) : ByteBuffer.allocate(bufferBytes);
        int at = 0;
        while (channel.read(target.clear()) >= 0) {
            target.flip();
            assertThat(target.mismatch(ByteBuffer.wrap(content, at, target.remaining())))
                    .isEqualTo(-1);
            at += target.remaining();
        }
        assertThat(at).isEqualTo(content.length);
        return true;
    }

    @Test
    void a_server_sends_nothing_that_a_peer_that_never_reads_would_leave_unread() throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel client = ends.client(folders.client());
                TlsMigrationChannel server = TlsMigrationChannel.server(ends.server(), folders.server())) {
            FutureTask<Boolean> handshake = handshake(client);
            server.handshake();
            handshake.get();
            send(client, "x");
            server.read(ByteBuffer.allocate(1));

            ends.client().configureBlocking(false);
            assertThat(ends.client().read(ByteBuffer.allocate(1000))).isZero();
            ends.client().configureBlocking(true);
        }
    }

    private String afterHangUp(boolean hangUpIsAnEnd, int garbageBytes) throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel client = ends.client(folders.client());
                TlsMigrationChannel server = TlsMigrationChannel.server(
                        ends.server(), new TlsServer(folders.server().credentials(), hangUpIsAnEnd))) {
            FutureTask<Boolean> handshake = handshake(client);
            server.handshake();
            handshake.get();
            send(client, "pages");
            // half of a record: application data of 1000 bytes
            ends.client().write(ByteBuffer.wrap(new byte[] {23, 3, 3, 3, (byte) 0xe8, 1, 2, 3}, 0, garbageBytes));
            ends.client().close();
            return receive(server);
        }
    }

    @Test
    void an_end_without_a_goodbye_is_refused_unless_it_is_allowed() throws Exception {
        assertThatThrownBy(() -> afterHangUp(false, 0)).hasMessageContaining("without the goodbye");
        assertThat(afterHangUp(true, 0)).isEqualTo("pages");
        assertThatThrownBy(() -> afterHangUp(true, 8)).hasMessageContaining("middle of a TLS record");
        assertThatThrownBy(() -> afterHangUp(false, 3)).hasMessageContaining("middle of a TLS record");
    }

    @Test
    void input_that_is_shut_down_ends_quietly() throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel client = ends.client(folders.client());
                TlsMigrationChannel server = TlsMigrationChannel.server(ends.server(), folders.server())) {
            FutureTask<String> received = inBackground(() -> receive(server));
            send(client, "pages");
            Await.until("the first bytes", server::wasHeard);
            server.shutdownInput();
            assertThat(received.get()).isEqualTo("pages");
            send(server, "SHUT");
            server.shutdownOutput();
            assertThat(receive(client)).isEqualTo("SHUT");
        }
    }

    @Test
    void a_peer_without_tls_is_told_by_its_first_bytes() throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel server = TlsMigrationChannel.server(ends.server(), folders.server())) {
            ends.client().write(ByteBuffer.wrap(new byte[] {'Q', 'E', 'V', 'M', 0, 0, 0, 3}));
            assertThatThrownBy(() -> server.read(ByteBuffer.allocate(1)))
                    .isInstanceOf(TlsHandshakeException.class)
                    .hasMessageContaining("expected a TLS ClientHello, found 51 45 56 4d 00 00 00 03")
                    .hasMessageContaining("is tls-creds set at the source?");
            assertThatThrownBy(() -> server.write(ByteBuffer.allocate(1))).hasMessageContaining("ClientHello");
            assertThat(server.isOpen()).isFalse();
        }
    }

    @Test
    void a_peer_that_says_nothing_is_known_as_such() throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel server = TlsMigrationChannel.server(ends.server(), folders.server())) {
            ends.client().close();
            assertThat(catchThrowableOfType(TlsHandshakeException.class, server::handshake)
                            .peerWasSilent())
                    .isTrue();
        }
        try (Ends ends = Ends.connect();
                TlsMigrationChannel server =
                        TlsMigrationChannel.server(ends.server(), folders.server(), Duration.ofMillis(50))) {
            TlsHandshakeException e = catchThrowableOfType(TlsHandshakeException.class, server::handshake);
            assertThat(e).hasMessageContaining("no TLS handshake within");
            assertThat(e.peerWasSilent()).isTrue();
        }
    }

    @Test
    void a_destination_without_tls_is_told_to_the_source() throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel client = ends.client(folders.client())) {
            FutureTask<Boolean> handshake = handshake(client);
            ends.server().read(ByteBuffer.allocate(10_000));
            ends.server().close();
            assertThatThrownBy(handshake::get)
                    .hasMessageContaining("hung up before it answered the TLS ClientHello: is tls-creds set there?");
        }
    }

    /** Both sides' words for a session that one of them does not want. */
    private record Refusal(String atSource, String atDestination) {}

    private Refusal refusal(TlsClient tls, TlsServer server) throws Exception {
        try (Ends ends = Ends.connect();
                TlsMigrationChannel source = ends.client(tls);
                TlsMigrationChannel destination = TlsMigrationChannel.server(ends.server(), server)) {
            FutureTask<String> atDestination = inBackground(() -> words(destination));
            return new Refusal(words(source), atDestination.get());
        }
    }

    private static String words(TlsMigrationChannel channel) {
        try {
            channel.handshake();
            return "read " + channel.read(ByteBuffer.allocate(1));
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    @Test
    void a_certificate_of_another_authority_is_refused_by_either_side() throws Exception {
        TlsFolders others = new TlsFolders(base, new TestAuthority("Other CA"));
        TestAuthority authority = folders.authority();

        Refusal byDestination = refusal(trusting(others, authority), folders.server());
        assertThat(byDestination.atDestination()).contains("CN=client is signed by no authority in ca-cert.pem");
        assertThat(byDestination.atSource()).contains("does not accept the certificate");

        Refusal bySource = refusal(others.client(), folders.server());
        assertThat(bySource.atSource()).contains("CN=server is signed by no authority in ca-cert.pem");
        assertThat(bySource.atDestination()).contains("does not accept the certificate");
    }

    /** A client with a certificate of one authority, that trusts another too. */
    private static TlsClient trusting(TlsFolders own, TestAuthority other) throws IOException {
        Path folder = own.withKey("client", own.authority().issue("client"));
        Path ca = folder.resolve("ca-cert.pem");
        String text = java.nio.file.Files.readString(ca);
        other.trustIn(folder);
        java.nio.file.Files.writeString(ca, text + java.nio.file.Files.readString(ca));
        return TlsFolders.client(folder);
    }

    @Test
    void a_source_without_a_certificate_is_refused_unless_peers_are_not_verified() throws Exception {
        TlsClient bare = TlsFolders.client(folders.folder("bare"));
        Refusal refusal = refusal(bare, folders.server());
        assertThat(refusal.atDestination())
                .contains("the source showed no certificate")
                .contains("client-cert.pem");
        assertThat(refusal.atSource()).contains("the other side refused the TLS session");

        Path folder = folders.withKey("server", folders.authority().issue("server", "localhost"));
        TlsServer trusting = new TlsServer(TlsCredentials.load(folder, Endpoint.SERVER, false), false);
        try (Ends ends = Ends.connect();
                TlsMigrationChannel source = ends.client(bare);
                TlsMigrationChannel destination = TlsMigrationChannel.server(ends.server(), trusting)) {
            FutureTask<Boolean> handshake = handshake(destination);
            source.handshake();
            assertThat(handshake.get()).isTrue();
        }
    }

    @Test
    void a_server_of_another_name_is_refused_unless_peers_are_not_verified() throws Exception {
        TlsCredentials client = folders.client().credentials();
        Refusal refusal = refusal(new TlsClient(client, Optional.of("elsewhere.example")), folders.server());
        assertThat(refusal.atSource()).contains("CN=server is refused").contains("elsewhere.example");

        Path folder = folders.withKey("client", folders.authority().issue("client"));
        TlsCredentials careless = TlsCredentials.load(folder, Endpoint.CLIENT, false);
        try (Ends ends = Ends.connect();
                TlsMigrationChannel source = ends.client(new TlsClient(careless, Optional.of("elsewhere.example")));
                TlsMigrationChannel destination = TlsMigrationChannel.server(ends.server(), folders.server())) {
            FutureTask<Boolean> handshake = handshake(destination);
            source.handshake();
            assertThat(handshake.get()).isTrue();
        }
    }

    @Test
    void a_revoked_certificate_is_refused() throws Exception {
        Issued revoked = folders.authority().issue("client");
        TlsClient client = TlsFolders.client(folders.withKey("client", revoked));
        Path folder = folders.withKey("server", folders.authority().issue("server", "localhost"));
        folders.authority().revokeIn(folder, List.of(revoked), Validity.now());
        TlsServer server = new TlsServer(TlsCredentials.load(folder, Endpoint.SERVER, true), false);
        assertThat(refusal(client, server).atDestination()).contains("CN=client has been revoked");
    }

    @Test
    void a_connection_that_goes_one_way_cannot_have_tls() throws Exception {
        MigrationUri file = MigrationUri.parse("file:" + base.resolve("f"));
        TlsClient tls = folders.client();
        assertThatThrownBy(() -> file.connect(PATIENCE, tls)).hasMessageContaining("goes both ways");
        assertThatThrownBy(() -> MigrationListener.open(file, folders.server())).hasMessageContaining("goes both ways");
    }
}
