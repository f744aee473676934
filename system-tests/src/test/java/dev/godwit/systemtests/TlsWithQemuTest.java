package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.LazyRestoreOptions;
import dev.godwit.operations.Receive;
import dev.godwit.operations.ReceiveOptions;
import dev.godwit.operations.ReceiveResult;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qmp.JsonObject;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.testkit.TestAuthority;
import dev.godwit.testkit.TestAuthority.KeyKind;
import dev.godwit.testkit.TestAuthority.Validity;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import dev.godwit.transport.TlsCredentials;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Migrations of real QEMUs inside TLS, both ways, and what either side refuses. */
class TlsWithQemuTest {

    private static final int MEMORY_MIB = 96;
    private static final Duration EARLIER = Duration.ofDays(-9);

    @TempDir
    private Path folder = Path.of("");

    private final TestAuthority authority = new TestAuthority("Test CA");
    private final TestAuthority otherAuthority = new TestAuthority("Other CA");

    /** A source's credentials, a folder of the same name each. */
    private enum Source {
        GOOD,
        OTHER_CA,
        EXPIRED,
        BARE
    }

    @BeforeEach
    void credentials() throws IOException {
        TestAuthority.Issued server = authority.issue("server", KeyKind.RSA, Validity.now(), "localhost", "127.0.0.1");
        TestAuthority.Issued client = authority.issue("client");
        for (Source source : Source.values()) {
            Path own = folder.resolve(source.name());
            authority.trustIn(own);
            TestAuthority.write(own, "server", server);
            switch (source) {
                case GOOD -> TestAuthority.write(own, "client", client);
                case OTHER_CA -> {
                    otherAuthority.trustIn(own);
                    TestAuthority.write(own, "client", otherAuthority.issue("stranger"));
                }
                case EXPIRED ->
                    TestAuthority.write(own, "client", authority.issue("old", KeyKind.EC, Validity.around(EARLIER)));
                case BARE -> {
                    // a client without a certificate
                }
            }
        }
    }

    private static QemuLaunch launch(QemuVersion version) {
        return QemuLaunch.of(version, "pc-i440fx-7.2").memoryMib(MEMORY_MIB).guest(new Guest(8, 4, 500, 1));
    }

    private String object(Source source, String endpoint, String more) {
        return "tls-creds-x509,id=" + source + ",dir=" + folder.resolve(source.name()) + ",endpoint=" + endpoint + more;
    }

    private QemuLaunch asSource(QemuLaunch launch) {
        for (Source source : Source.values()) {
            launch = launch.with("-object", object(source, "client", ",sanity-check=off"));
        }
        return launch;
    }

    private Path given(Source source) {
        return folder.resolve(source.name());
    }

    /** How a source migrates. */
    private record Way(String uri, Set<String> capabilities, int channels, Map<String, String> parameters) {
        Way(String uri, String tlsCreds, String tlsHostname, int channels, String... capabilities) {
            this(uri, Set.of(capabilities), channels, Map.of("tls-creds", tlsCreds, "tls-hostname", tlsHostname));
        }
    }

    private ReceiveOptions options(Way way, Path file, boolean verifyPeer) throws IOException {
        return new ReceiveOptions(
                file,
                MigrationUri.parse(way.uri().replace("unix:", "unix:" + folder + "/")),
                way.channels(),
                MultifdMethod.NONE,
                false,
                Optional.of(TlsCredentials.load(given(Source.GOOD), Endpoint.SERVER, verifyPeer)));
    }

    private static ReceiveResult receive(QemuProcess source, Way way, ReceiveOptions options) throws IOException {
        try (Receive receive = new Receive(options, Progress.NONE, migrateFrom(source, way))) {
            return receive.run();
        }
    }

    private static Consumer<MigrationUri> migrateFrom(QemuProcess source, Way way) {
        return address -> {
            try {
                source.withMonitor(monitor -> {
                    Map<String, Boolean> capabilities = new LinkedHashMap<>(monitor.migrationCapabilities());
                    capabilities.replaceAll((name, _) -> way.capabilities().contains(name));
                    monitor.restoreMigrationCapabilities(capabilities);
                    JsonObject parameters = JsonObject.empty()
                            .with("max-bandwidth", 1L << 40)
                            .with("multifd-channels", Math.max(1, way.channels()));
                    for (Map.Entry<String, String> one : way.parameters().entrySet()) {
                        parameters = parameters.with(one.getKey(), one.getValue());
                    }
                    monitor.setMigrationParameters(parameters);
                    monitor.migrate(address.toString());
                    return true;
                });
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    @ParameterizedTest(name = "{0}, machine pc-i440fx-7.2, seed 1")
    @EnumSource
    void guests_are_received_and_restored_inside_tls(QemuVersion version) throws Exception {
        try (QemuProcess source = asSource(launch(version)).start()) {
            String checksum = Guest.awaitReady(source);
            Way[] ways = {
                new Way("tcp:127.0.0.1:0", "GOOD", "", 0),
                new Way("tcp:127.0.0.1:0", "GOOD", "localhost", 0, "return-path"),
                new Way("unix:s", "GOOD", "localhost", 0, "return-path"),
                new Way("tcp:127.0.0.1:0", "GOOD", "", 2, "return-path", "multifd"),
                new Way("unix:s", "GOOD", "localhost", 3, "multifd")
            };
            for (int i = 0; i < ways.length; i++) {
                Path file = folder.resolve("snapshot" + i);
                standStill(source);
                ReceiveResult result = receive(source, ways[i], options(ways[i], file, true));
                assertThat(result.sourceTold())
                        .as("%s", ways[i])
                        .isEqualTo(ways[i].capabilities().contains("return-path"));
                assertThat(Checks.awaitEnd(source)).as("%s", ways[i]).isEqualTo("completed");
                Checks.assertWhole(file);
                Checks.assertAllRamIsThatOf(source, file, MEMORY_MIB);
                SnapshotOfQemuTest.resume(source);
            }
            restoreInside(version, checksum, folder.resolve("snapshot3"));
            Path running = folder.resolve("running");
            SnapshotOfQemuTest.take(source, running, SnapshotMode.STOP, AfterSnapshot.RESUME);
            restoreLazilyInside(version, checksum, running);
        }
    }

    /** 7.2 with multifd needs it: see ReceiveFromQemuTest. */
    private static void standStill(QemuProcess source) throws IOException {
        source.withMonitor(monitor -> {
            monitor.stop();
            return true;
        });
    }

    private void restoreInside(QemuVersion version, String checksum, Path file) throws Exception {
        QemuLaunch launch = launch(version).incoming("defer").with("-object", object(Source.GOOD, "server", ""));
        for (String uri : new String[] {"tcp:127.0.0.1:0", "unix:d"}) {
            try (QemuProcess destination = launch.start()) {
                MigrationUri listening = listen(destination, uri, "GOOD");
                Optional<String> name = Optional.of("localhost").filter(_ -> uri.startsWith("unix"));
                Checks.restore(file, new Destination.Listening(listening, Optional.of(client(Source.GOOD, name))));
                SnapshotOfQemuTest.resume(destination);
                Checks.assertGuestGoesOn(destination, checksum);
            }
        }
    }

    private void restoreLazilyInside(QemuVersion version, String checksum, Path file) throws Exception {
        QemuLaunch launch = launch(version).incoming("defer").with("-object", object(Source.GOOD, "server", ""));
        try (QemuProcess destination = launch.start()) {
            destination.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("postcopy-ram", true));
                return true;
            });
            MigrationUri listening = listen(destination, "tcp:127.0.0.1:0", "GOOD");
            LazyRestoreTest.restore(new LazyRestoreOptions(
                    file, new Destination.Listening(listening, Optional.of(client(Source.GOOD, Optional.empty())))));
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    private TlsClient client(Source source, Optional<String> name) throws IOException {
        return new TlsClient(TlsCredentials.load(given(source), Endpoint.CLIENT, true), name);
    }

    private static MigrationUri listen(QemuProcess destination, String uri, String tlsCreds) throws IOException {
        String path = "unix:" + destination.folder() + "/";
        return destination.withMonitor(monitor -> {
            monitor.setMigrationParameters(JsonObject.of("tls-creds", tlsCreds));
            monitor.migrateIncoming(uri.replace("unix:", path));
            if (uri.startsWith("unix:")) {
                return MigrationUri.parse(uri.replace("unix:", path));
            }
            JsonObject status = monitor.client().execute("query-migrate", JsonObject.empty());
            JsonObject address =
                    (JsonObject) status.array("socket-address").orElseThrow().getFirst();
            return MigrationUri.parse("tcp:127.0.0.1:" + address.text("port").orElseThrow());
        });
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource
    void what_a_destination_refuses_stays_at_its_source(QemuVersion version) throws Exception {
        try (QemuProcess source = asSource(launch(version)).start()) {
            Guest.awaitReady(source);
            assertRefused(source, "OTHER_CA", "", "CN=stranger is signed by no authority in ca-cert.pem");
            assertRefused(source, "EXPIRED", "", "CN=old has expired");
            assertRefused(source, "BARE", "", "the source showed no certificate");
            assertRefused(source, "GOOD", "elsewhere.example", "hung up after the TLS handshake");
            assertRefused(source, "", "", "expected a TLS ClientHello, found 51 45 56 4d");

            Way bare = new Way("tcp:127.0.0.1:0", "BARE", "", 0, "return-path");
            Path file = folder.resolve("of-anybody");
            assertThat(receive(source, bare, options(bare, file, false)).sourceTold())
                    .isTrue();
            SnapshotOfQemuTest.resume(source);

            Way secured = new Way("tcp:127.0.0.1:0", "GOOD", "", 0, "return-path");
            ReceiveOptions plain = new ReceiveOptions(
                    folder.resolve("refused"), MigrationUri.parse(secured.uri()), 0, MultifdMethod.NONE, false);
            assertRefused(source, secured, plain, "a TLS ClientHello: the source has tls-creds set");
            ReceiveOptions plainMultifd = new ReceiveOptions(
                    folder.resolve("refused"), MigrationUri.parse(secured.uri()), 2, MultifdMethod.NONE, false);
            assertRefused(source, secured, plainMultifd, "a TLS ClientHello: the source has tls-creds set");
            Guest.awaitVerified(source);
        }
    }

    private void assertRefused(QemuProcess source, String tlsCreds, String tlsHostname, String words)
            throws IOException {
        Way way = new Way("tcp:127.0.0.1:0", tlsCreds, tlsHostname, 0, "return-path");
        assertRefused(source, way, options(way, folder.resolve("refused"), true), words);
    }

    private void assertRefused(QemuProcess source, Way way, ReceiveOptions options, String words) throws IOException {
        MigrationException e = catchThrowableOfType(MigrationException.class, () -> receive(source, way, options));
        assertThat(e).as("%s", way).hasMessageContaining(words);
        assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        assertThat(Checks.awaitEnd(source)).as("%s", way).isEqualTo("failed");
        assertThat(source.<Boolean>withMonitor(monitor -> monitor.queryStatus().running()))
                .as("%s", way)
                .isTrue();
        assertThat(folder.resolve("refused")).doesNotExist();
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource
    void what_a_destination_qemu_refuses_stays_in_its_file(QemuVersion version) throws Exception {
        Path file = folder.resolve("snapshot");
        try (QemuProcess source = asSource(launch(version)).start()) {
            Guest.awaitReady(source);
            Way way = new Way("tcp:127.0.0.1:0", "GOOD", "", 0, "return-path");
            receive(source, way, options(way, file, true));
        }
        byte[] before = Files.readAllBytes(file);
        QemuLaunch launch = launch(version)
                .incoming("defer")
                .with("-object", object(Source.GOOD, "server", ""))
                .with("-object", "tls-creds-x509,id=OTHER,dir=" + otherServer() + ",endpoint=server");
        Optional<String> here = Optional.empty();
        assertNotRestored(launch, file, "OTHER", client(Source.GOOD, here), "CN=other is signed by no authority");
        assertNotRestored(
                launch, file, "GOOD", client(Source.GOOD, Optional.of("elsewhere.example")), "elsewhere.example");
        assertNotRestored(launch, file, "GOOD", client(Source.BARE, here), "certificate");
        assertNotRestored(launch, file, "", client(Source.GOOD, here), "is tls-creds set there?");
        try (QemuProcess destination = launch.start()) {
            MigrationUri listening = listen(destination, "tcp:127.0.0.1:0", "GOOD");
            MigrationException e = catchThrowableOfType(
                    MigrationException.class, () -> Checks.restore(file, new Destination.Listening(listening)));
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    private Path otherServer() throws IOException {
        Path own = folder.resolve("other-server");
        otherAuthority.trustIn(own);
        TestAuthority.write(own, "server", otherAuthority.issue("other", "127.0.0.1"));
        return own;
    }

    private static void assertNotRestored(QemuLaunch launch, Path file, String tlsCreds, TlsClient tls, String words)
            throws IOException {
        try (QemuProcess destination = launch.start()) {
            MigrationUri listening = listen(destination, "tcp:127.0.0.1:0", tlsCreds);
            MigrationException e = catchThrowableOfType(
                    MigrationException.class,
                    () -> Checks.restore(file, new Destination.Listening(listening, Optional.of(tls))));
            assertThat(e).hasMessageContaining(words);
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        }
    }
}
