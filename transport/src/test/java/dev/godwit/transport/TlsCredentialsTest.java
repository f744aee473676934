package dev.godwit.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.testkit.TestAuthority;
import dev.godwit.testkit.TestAuthority.Issued;
import dev.godwit.testkit.TestAuthority.KeyKind;
import dev.godwit.testkit.TestAuthority.Validity;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TlsCredentialsTest {

    @TempDir
    Path base;

    private TlsFolders folders;

    @BeforeEach
    void authority() {
        folders = new TlsFolders(base);
    }

    private static TlsCredentials load(Path folder) throws IOException {
        return TlsCredentials.load(folder, Endpoint.SERVER, true);
    }

    private Path server(Issued issued) throws IOException {
        return folders.withKey("server", issued);
    }

    @ParameterizedTest
    @EnumSource
    void keys_are_read_in_pkcs8_and_in_their_old_notations(KeyKind kind) throws IOException {
        Issued issued = folders.authority().issue("server", kind, Validity.now(), "localhost");
        Path folder = server(issued);
        assertThat(load(folder).warnings()).isEmpty();

        byte[] inside = insideOfPkcs8(issued.key().getEncoded());
        Path key = folder.resolve("server-key.pem");
        Files.writeString(key, "some words\n" + TestAuthority.pem(kind + " PRIVATE KEY", inside));
        assertThat(load(folder).endpoint()).isEqualTo(Endpoint.SERVER);
    }

    /** SEQUENCE { INTEGER 0, SEQUENCE { algorithm }, OCTET STRING { this } } */
    private static byte[] insideOfPkcs8(byte[] pkcs8) {
        ByteBuffer der = ByteBuffer.wrap(pkcs8);
        enter(der);
        skip(der);
        skip(der);
        enter(der);
        return Arrays.copyOfRange(pkcs8, der.position(), pkcs8.length);
    }

    private static int enter(ByteBuffer der) {
        der.get();
        int length = der.get() & 0xff;
        return switch (length) {
            case 0x81 -> der.get() & 0xff;
            case 0x82 -> der.getShort() & 0xffff;
            default -> length;
        };
    }

    private static void skip(ByteBuffer der) {
        int length = enter(der);
        der.position(der.position() + length);
    }

    @Test
    void an_authority_among_several_will_do() throws IOException {
        Path folder = server(folders.authority().issue("server"));
        Path other = base.resolve("other");
        new TestAuthority("Other CA").trustIn(other);
        Path file = folder.resolve("ca-cert.pem");
        Files.writeString(file, Files.readString(other.resolve("ca-cert.pem")) + Files.readString(file));
        assertThat(load(folder).verifyPeer()).isTrue();
    }

    @Test
    void what_is_missing_is_named() throws IOException {
        assertThatThrownBy(() -> load(base.resolve("none"))).hasMessageContaining("no such folder");
        for (String name : List.of("ca-cert.pem", "server-cert.pem", "server-key.pem")) {
            Path folder = server(folders.authority().issue("server"));
            Files.delete(folder.resolve(name));
            assertThatThrownBy(() -> load(folder)).hasMessage(folder.resolve(name) + ": no such file");
        }
    }

    @Test
    void a_client_may_have_no_certificate_but_not_half_of_one() throws IOException {
        Path folder = folders.folder("client");
        assertThat(TlsCredentials.load(folder, Endpoint.CLIENT, true).endpoint())
                .isEqualTo(Endpoint.CLIENT);
        TestAuthority.write(folder, "client", folders.authority().issue("client"));
        Files.delete(folder.resolve("client-cert.pem"));
        assertThatThrownBy(() -> TlsCredentials.load(folder, Endpoint.CLIENT, true))
                .hasMessageContaining("client-cert.pem: no such file");
    }

    @Test
    void other_kinds_are_refused_by_name() throws IOException {
        Path folder = Files.createDirectory(base.resolve("psk"));
        Files.writeString(folder.resolve("keys.psk"), "qemu:00");
        assertThatThrownBy(() -> load(folder))
                .hasMessageContaining("tls-creds-psk")
                .hasMessageContaining("not supported");
        Path anonymous = Files.createDirectory(base.resolve("anon"));
        Files.writeString(anonymous.resolve("dh-params.pem"), "");
        assertThatThrownBy(() -> load(anonymous))
                .hasMessageContaining("tls-creds-anon")
                .hasMessageContaining("not supported");
    }

    @Test
    void certificates_out_of_their_time_are_refused() throws IOException {
        TestAuthority authority = folders.authority();
        Path expired = server(authority.issue("old", KeyKind.EC, Validity.around(Duration.ofDays(-9))));
        assertThatThrownBy(() -> load(expired))
                .hasMessageContaining("server-cert.pem")
                .hasMessageContaining("CN=old expired at");
        Path early = server(authority.issue("new", KeyKind.EC, Validity.around(Duration.ofDays(9))));
        assertThatThrownBy(() -> load(early)).hasMessageContaining("CN=new is not valid before");
        TestAuthority old = new TestAuthority("Old CA", Validity.around(Duration.ofDays(-9)));
        Path ofOld = new TlsFolders(base, old).withKey("server", old.issue("server"));
        assertThatThrownBy(() -> load(ofOld))
                .hasMessageContaining("ca-cert.pem")
                .hasMessageContaining("CN=Old CA expired");
    }

    @Test
    void a_key_of_another_certificate_is_refused() throws IOException {
        for (KeyKind kind : KeyKind.values()) {
            Path folder = server(folders.authority().issue("server", kind, Validity.now()));
            Issued other = folders.authority().issue("other", kind, Validity.now());
            Files.writeString(
                    folder.resolve("server-key.pem"),
                    TestAuthority.pem("PRIVATE KEY", other.key().getEncoded()));
            assertThatThrownBy(() -> load(folder)).hasMessageContaining("server-key.pem: the key does not belong");
        }
        Path folder = server(folders.authority().issue("server"));
        Issued rsa = folders.authority().issue("rsa", KeyKind.RSA, Validity.now());
        Files.writeString(
                folder.resolve("server-key.pem"),
                TestAuthority.pem("PRIVATE KEY", rsa.key().getEncoded()));
        assertThatThrownBy(() -> load(folder)).hasMessageContaining("has no usable EC key");
    }

    @Test
    void a_certificate_of_another_authority_is_refused() throws IOException {
        Path folder = server(new TestAuthority("Other CA").issue("server"));
        assertThatThrownBy(() -> load(folder))
                .hasMessageContaining("server-cert.pem: the certificate of CN=server is signed by no authority");
    }

    @Test
    void damaged_files_are_refused_with_their_name() throws IOException {
        Path folder = server(folders.authority().issue("server"));
        Path key = folder.resolve("server-key.pem");
        for (String damaged : List.of(
                "",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n",
                TestAuthority.pem("PRIVATE KEY", new byte[] {0x30, 0x03}),
                TestAuthority.pem("EC PRIVATE KEY", new byte[] {0x30, (byte) 0x84}),
                TestAuthority.pem("ENCRYPTED PRIVATE KEY", new byte[9]),
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")) {
            Files.writeString(key, damaged);
            assertThatThrownBy(() -> load(folder))
                    .as(damaged)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("server-key.pem");
        }
        Path certificate = folder.resolve("ca-cert.pem");
        for (String damaged : List.of("", TestAuthority.pem("CERTIFICATE", new byte[] {0x30, 0x05, 1}))) {
            Files.writeString(certificate, damaged);
            assertThatThrownBy(() -> load(folder))
                    .as(damaged)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("ca-cert.pem");
        }
    }

    @Test
    void a_key_that_others_can_read_is_warned_of() throws IOException {
        Path folder = server(folders.authority().issue("server"));
        Files.setPosixFilePermissions(folder.resolve("server-key.pem"), PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(load(folder).warnings()).singleElement().asString().contains("server-key.pem", "chmod 600");
    }

    @Test
    void a_revocation_list_has_to_be_of_an_authority_and_of_its_time() throws IOException {
        Path folder = server(folders.authority().issue("server"));
        new TestAuthority("Other CA").revokeIn(folder, List.of(), Validity.now());
        assertThatThrownBy(() -> load(folder))
                .hasMessageContaining("ca-crl.pem")
                .hasMessageContaining("no authority");
        new TestAuthority("Test CA").revokeIn(folder, List.of(), Validity.now());
        assertThatThrownBy(() -> load(folder)).hasMessageContaining("not signed by its authority");
        folders.authority().revokeIn(folder, List.of(), Validity.around(Duration.ofDays(-9)));
        assertThatThrownBy(() -> load(folder)).hasMessageContaining("out of date");
        folders.authority().revokeIn(folder, List.of(), Validity.now());
        assertThat(load(folder).warnings()).isEmpty();
    }

    @Test
    void a_name_is_needed_where_the_uri_has_no_host() throws IOException {
        TlsCredentials client = TlsCredentials.load(folders.folder("client"), Endpoint.CLIENT, true);
        TlsClient unnamed = new TlsClient(client, Optional.empty());
        assertThat(unnamed.nameFor(MigrationUri.parse("tcp:host.example:1"))).contains("host.example");
        assertThat(new TlsClient(client, Optional.of("a")).nameFor(MigrationUri.parse("tcp:b:1")))
                .contains("a");
        assertThatThrownBy(() -> unnamed.nameFor(MigrationUri.parse("unix:/s"))).hasMessageContaining("tls-hostname");
    }
}
