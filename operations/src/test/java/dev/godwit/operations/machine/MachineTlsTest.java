package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.server.Arguments;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.RefusedCommandException;
import dev.godwit.testkit.TestAuthority;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines of ours that migrate inside TLS, set up as a QEMU's are. */
@Timeout(300)
class MachineTlsTest {

    @TempDir
    private Path folder;

    private final TestAuthority authority = new TestAuthority("Test CA");

    @BeforeEach
    void credentials() throws IOException {
        authority.trustIn(folder);
        TestAuthority.write(folder, "server", authority.issue("server", "localhost"));
        TestAuthority.write(folder, "client", authority.issue("client"));
    }

    private HostPair pair() throws IOException, ControlException {
        WorkloadOptions options = WorkloadOptions.ofRam(4 << 20).withLoad(WorkloadLoad.of(500, WorkloadPattern.RANDOM));
        return new HostPair(folder, options).with(MigrationCapability.RETURN_PATH);
    }

    private static void add(GuestHost host, String endpoint, Path from) throws ControlException {
        QmpCommand command = host.tlsCommands().stream()
                .filter(one -> one.name().equals("object-add"))
                .findFirst()
                .orElseThrow();
        try {
            command.body()
                    .execute(new Arguments(JsonObject.of("qom-type", "tls-creds-x509")
                            .with("id", "tls0")
                            .with("endpoint", endpoint)
                            .with("dir", from.toString())));
        } catch (RefusedCommandException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_guest_moves_inside_tls_with_multifd(boolean multifd) throws Exception {
        try (HostPair pair = pair()) {
            add(pair.source, "client", folder);
            add(pair.destination, "server", folder);
            pair.with(MigrationParameter.TLS_CREDS, "tls0").with(MigrationParameter.TLS_HOSTNAME, "localhost");
            if (multifd) {
                pair.with(MigrationCapability.MULTIFD);
            }
            pair.migrate();
            pair.assertArrived();
        }
    }

    @Test
    void credentials_may_be_a_folder() throws Exception {
        try (HostPair pair = pair()) {
            pair.with(MigrationParameter.TLS_CREDS, folder.toString())
                    .with(MigrationParameter.TLS_HOSTNAME, "localhost");
            pair.migrate();
            pair.assertArrived();
        }
    }

    @Test
    void a_destination_of_another_authority_is_refused_and_the_guest_stays() throws Exception {
        Path strangers = Files.createDirectory(folder.resolve("strangers"));
        TestAuthority stranger = new TestAuthority("Another CA");
        stranger.trustIn(strangers);
        TestAuthority.write(strangers, "server", stranger.issue("server", "localhost"));
        try (HostPair pair = pair()) {
            add(pair.source, "client", folder);
            add(pair.destination, "server", strangers);
            pair.with(MigrationParameter.TLS_CREDS, "tls0").with(MigrationParameter.TLS_HOSTNAME, "localhost");
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            pair.assertStayed();
        }
    }

    @Test
    void a_source_without_tls_is_refused_and_the_guest_stays() throws Exception {
        try (HostPair pair = pair()) {
            add(pair.destination, "server", folder);
            pair.destination.setParameters(Map.of(MigrationParameter.TLS_CREDS, "tls0"));
            pair.begin();
            pair.awaitEnd();
            assertThat(pair.source.migration().status()).isEqualTo(MigrationStatus.FAILED);
            pair.assertStayed();
        }
    }

    @Test
    void credentials_that_are_not_there_or_of_the_other_side_are_refused_in_qemus_words() throws Exception {
        try (HostPair pair = pair()) {
            pair.with(MigrationParameter.TLS_CREDS, "tls0");
            assertThatThrownBy(() -> pair.source.migrate(pair.uri, false))
                    .hasMessage("No TLS credentials with id 'tls0'");
            add(pair.source, "server", folder);
            assertThatThrownBy(() -> pair.source.migrate(pair.uri, false))
                    .hasMessage("Expected TLS credentials for a client endpoint");
            assertThatThrownBy(() -> add(pair.source, "client", folder))
                    .hasMessage("attempt to add duplicate property 'tls0' to object (type 'container')");
            assertThatThrownBy(() -> add(pair.destination, "server", folder.resolve("nowhere")))
                    .hasMessageContaining("nowhere");
        }
    }
}
