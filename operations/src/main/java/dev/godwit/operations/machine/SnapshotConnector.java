package dev.godwit.operations.machine;

import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.operations.GodwitVersion;
import dev.godwit.qemu.BackgroundStream;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.MachineSnapshotOutput;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Where a background snapshot goes: QEMU's stream to wherever a migration can go, or with {@code mapped-ram} a snapshot
 * file, written by as many threads as the parameter {@code multifd-channels} says. {@link MappedFile} and
 * {@link PlainFile} say how a file comes by its name.
 */
final class SnapshotConnector implements BackgroundSnapshot.Connector {

    private final Machine machine;
    private final MigrationUri uri;
    private final MachineChannels channels;
    private final Set<MigrationCapability> capabilities;
    private final MigrationParameters parameters;
    private final CountDownLatch begun = new CountDownLatch(1);
    private @Nullable Thread connecting;
    private boolean stopped;

    SnapshotConnector(
            Machine machine,
            MigrationUri uri,
            MachineChannels channels,
            Set<MigrationCapability> capabilities,
            MigrationParameters parameters) {
        this.machine = machine;
        this.uri = uri;
        this.channels = channels;
        this.capabilities = capabilities;
        this.parameters = parameters;
    }

    /** Is counted down when the snapshot has begun. */
    CountDownLatch begun() {
        return begun;
    }

    /** Ends the connecting, if it is under way, from any thread. */
    synchronized void stop() {
        stopped = true;
        if (connecting != null) {
            connecting.interrupt();
        }
    }

    @Override
    public SnapshotOutput connect() throws IOException {
        begun.countDown();
        synchronized (this) {
            if (stopped) {
                throw new IOException("cancelled before it was connected");
            }
            connecting = Thread.currentThread();
        }
        try {
            return open();
        } finally {
            synchronized (this) {
                connecting = null;
                Thread.interrupted(); // an interrupt was for the connecting only
            }
        }
    }

    private SnapshotOutput open() throws IOException {
        if (uri instanceof MigrationUri.OfFile mapped && capabilities.contains(MigrationCapability.MAPPED_RAM)) {
            int writers = (int) parameters.number(MigrationParameter.MULTIFD_CHANNELS);
            return new MachineSnapshotOutput(machine, MappedFile.writer(mapped, parameters), writers, this::facts);
        }
        Optional<MigrationUri.OfFile> file = PlainFile.of(uri);
        return file.isPresent()
                ? PlainFile.snapshot(machine, file.get())
                : new BackgroundStream(machine, channels.connect(uri));
    }

    private CreationFacts facts() {
        return new CreationFacts(Instant.now(), GodwitVersion.TEXT, "", "background", machine.type());
    }
}
