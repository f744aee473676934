package dev.godwit.transport;

import dev.godwit.testkit.TestAuthority;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.util.Optional;

/** Folders of TLS credentials, and what is made of them. */
record TlsFolders(Path base, TestAuthority authority) {

    static {
        // read once, by the first session: keys are changed often enough for tests to see it
        Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate 2^21");
    }

    TlsFolders(Path base) {
        this(base, new TestAuthority("Test CA"));
    }

    Path folder(String name) throws IOException {
        Path folder = base.resolve(name);
        authority.trustIn(folder);
        return folder;
    }

    Path withKey(String role, TestAuthority.Issued issued) throws IOException {
        Path folder = Files.createTempDirectory(base, role);
        authority.trustIn(folder);
        TestAuthority.write(folder, role, issued);
        return folder;
    }

    TlsServer server() throws IOException {
        return new TlsServer(
                TlsCredentials.load(
                        withKey("server", authority.issue("server", "localhost", "127.0.0.1")),
                        TlsCredentials.Endpoint.SERVER,
                        true),
                false);
    }

    TlsClient client() throws IOException {
        return client(withKey("client", authority.issue("client")));
    }

    static TlsClient client(Path folder) throws IOException {
        return new TlsClient(
                TlsCredentials.load(folder, TlsCredentials.Endpoint.CLIENT, true), Optional.of("localhost"));
    }
}
