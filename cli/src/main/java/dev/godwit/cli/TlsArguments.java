package dev.godwit.cli;

import dev.godwit.transport.TlsCredentials;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that put a migration inside TLS. */
final class TlsArguments {

    /** What the JVM calls itself with {@code -XX:TieredStopAtLevel=1}. */
    private static final String FIRST_COMPILER_ONLY = "emulated-client";

    @Option(
            names = "--tls-creds",
            paramLabel = "DIR",
            description = {
                "TLS with the x509 certificates of this folder, named as for QEMU's tls-creds-x509: ca-cert.pem,",
                "server-cert.pem and server-key.pem where QEMU connects to here, client-… where this connects to QEMU."
            })
    private @Nullable Path folder;

    @Option(names = "--tls-no-verify-peer", description = "Take any certificate of the other side, or none.")
    private boolean noVerifyPeer;

    boolean areGiven() {
        return folder != null;
    }

    /**
     * {@return the credentials, where there shall be TLS} What is doubtful about them is told.
     *
     * @throws IOException if they cannot be used
     */
    Optional<TlsCredentials> credentials(Endpoint endpoint, CommonOptions common) throws IOException {
        if (folder == null) {
            if (noVerifyPeer) {
                throw common.usage("--tls-no-verify-peer needs --tls-creds");
            }
            return Optional.empty();
        }
        TlsCredentials credentials = TlsCredentials.load(folder, endpoint, !noVerifyPeer);
        for (String warning : credentials.warnings()) {
            common.err().println("godwit: warning: " + Printable.text(warning));
        }
        if (System.getProperty("java.vm.info", "").contains(FIRST_COMPILER_ONLY)) {
            common.err()
                    .println(
                            "godwit: warning: without the JVM's second compiler TLS takes a hundred times the processor"
                                    + " time: set JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=4");
        }
        common.err().flush();
        return Optional.of(credentials);
    }
}
