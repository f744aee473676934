package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.qemu.MachineStream;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdSender;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Connects an outgoing migration: the main channel first, then those of multifd (qemu-migration specification section
 * 4.1).
 */
final class OutgoingConnector implements Precopy.Connector {

    private final Machine machine;
    private final MigrationUri uri;
    private final MachineChannels channels;
    private final Set<MigrationCapability> capabilities;
    private final Supplier<MigrationParameters> parameters;
    private final CountDownLatch begun = new CountDownLatch(1);
    private @Nullable Thread connecting;
    private boolean stopped;

    OutgoingConnector(
            Machine machine,
            MigrationUri uri,
            MachineChannels channels,
            Set<MigrationCapability> capabilities,
            Supplier<MigrationParameters> parameters) {
        this.machine = machine;
        this.uri = uri;
        this.channels = channels;
        this.capabilities = capabilities;
        this.parameters = parameters;
    }

    /** Is counted down when the migration has begun. */
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
    public OutgoingStream connect() throws IOException {
        begun.countDown();
        synchronized (this) {
            if (stopped) {
                throw new IOException("cancelled before it was connected");
            }
            connecting = Thread.currentThread();
        }
        try {
            return connectAll();
        } finally {
            synchronized (this) {
                connecting = null;
                Thread.interrupted(); // an interrupt was for the connecting only
            }
        }
    }

    private OutgoingStream connectAll() throws IOException {
        MigrationParameters now = parameters.get();
        List<MigrationChannel> open = new ArrayList<>();
        try {
            MigrationChannel main = channels.connect(uri);
            open.add(main);
            if (now.text(MigrationParameter.X_FORMAT).equals(Hvm2007Output.FORMAT)) {
                return Hvm2007Output.of(machine, main, capabilities, now);
            }
            MachineStream stream = new MachineStream(machine, main, capabilities, parameters);
            if (capabilities.contains(MigrationCapability.RETURN_PATH)) {
                if (!main.isDuplex()) {
                    throw new IOException(uri + " has no return path: switch the capability 'return-path' off");
                }
                stream.returnPath(main, main::shutdownOutput);
            }
            if (capabilities.contains(MigrationCapability.MULTIFD)) {
                List<MigrationChannel> pages = new ArrayList<>();
                for (long i = 0; i < now.number(MigrationParameter.MULTIFD_CHANNELS); i++) {
                    MigrationChannel channel = channels.connect(uri);
                    open.add(channel);
                    pages.add(channel);
                }
                stream.route(new MultifdSender(settings(now), pages, machine.memory(), () -> closeQuietly(main)));
            }
            return stream;
        } catch (IOException | RuntimeException e) {
            open.forEach(OutgoingConnector::closeQuietly);
            throw e;
        }
    }

    private MultifdSender.Settings settings(MigrationParameters now) {
        String compression = now.text(MigrationParameter.MULTIFD_COMPRESSION);
        MultifdMethod method = MultifdMethod.valueOf(compression.toUpperCase(Locale.ROOT));
        long level = compression.equals("zstd")
                ? now.number(MigrationParameter.MULTIFD_ZSTD_LEVEL)
                : now.number(MigrationParameter.MULTIFD_ZLIB_LEVEL);
        boolean findZeroPages = now.text(MigrationParameter.ZERO_PAGE_DETECTION).equals("multifd");
        return new MultifdSender.Settings(
                method, (int) level, findZeroPages, machine.uuid().orElse(new UUID(0, 0)));
    }

    @SuppressWarnings("EmptyCatch") // it is being given up, for a reason that is told
    private static void closeQuietly(MigrationChannel channel) {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }
}
