package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.PostcopyReconnector;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.qemu.MachinePostcopy;
import dev.godwit.qemu.MachineStream;
import dev.godwit.qemu.OutgoingPostcopy;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdSender;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Connects an outgoing migration: the main channel first, then those of multifd (qemu-migration specification section
 * 4.1) or, later, that for pages that are asked for (section 3.7).
 */
final class OutgoingConnector implements Precopy.Connector, PostcopyReconnector {

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
        return connecting(this::connectAll);
    }

    @Override
    public PostcopyStream reconnect(PostcopyWork work) throws IOException {
        return connecting(() -> MachinePostcopy.overNewConnection(work, channels.connect(uri), second()));
    }

    /** Opens connections. */
    private interface Connecting<T> {
        T connect() throws IOException;
    }

    private <T> T connecting(Connecting<T> work) throws IOException {
        synchronized (this) {
            if (stopped) {
                throw new IOException("cancelled before it was connected");
            }
            connecting = Thread.currentThread();
        }
        try {
            return work.connect();
        } finally {
            synchronized (this) {
                connecting = null;
                Thread.interrupted(); // an interrupt was for the connecting only
            }
        }
    }

    private OutgoingStream connectAll() throws IOException {
        if (uri instanceof MigrationUri.OfFile file && capabilities.contains(MigrationCapability.MAPPED_RAM)) {
            return MappedFile.write(machine, file, capabilities, parameters.get());
        }
        Optional<MigrationUri.OfFile> plain = PlainFile.of(uri);
        if (plain.isPresent()) {
            return PlainFile.write(machine, plain.get(), capabilities, parameters);
        }
        MigrationParameters now = parameters.get();
        List<MigrationChannel> open = new ArrayList<>();
        try {
            MigrationChannel main = channels.connect(uri);
            open.add(main);
            if (now.text(MigrationParameter.X_FORMAT).equals(Hvm2007Output.FORMAT)) {
                return Hvm2007Output.of(machine, main, capabilities, now);
            }
            MachineStream stream = new MachineStream(machine, main, capabilities, parameters);
            boolean postcopy = capabilities.contains(MigrationCapability.POSTCOPY_RAM);
            // In postcopy a page that is asked for would have to wait behind it; one connection of TCP has more, and
            // uses it.
            if (!postcopy && !(uri instanceof MigrationUri.Tcp)) {
                main.roomToSend(MigrationChannel.PAGES_ROOM_BYTES);
            }
            if (postcopy || capabilities.contains(MigrationCapability.RETURN_PATH)) {
                if (!main.isDuplex()) {
                    throw new IOException("%s has no return path: switch the capability '%s' off"
                            .formatted(uri, postcopy ? "postcopy-ram" : "return-path"));
                }
                stream.returnPath(main, main::shutdownOutput);
            }
            second().ifPresent(stream::preempt);
            if (capabilities.contains(MigrationCapability.MULTIFD)) {
                List<MigrationChannel> pages = new ArrayList<>();
                for (long i = 0; i < now.number(MigrationParameter.MULTIFD_CHANNELS); i++) {
                    MigrationChannel channel = channels.connect(uri);
                    open.add(channel);
                    channel.roomToSend(MigrationChannel.PAGES_ROOM_BYTES);
                    pages.add(channel);
                }
                stream.route(new MultifdSender(settings(now), pages, machine.memory(), stream::routeFailed));
            }
            return stream;
        } catch (IOException | RuntimeException e) {
            open.forEach(OutgoingConnector::closeQuietly);
            throw e;
        }
    }

    private Optional<OutgoingPostcopy.SecondConnection> second() {
        return capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)
                ? Optional.of(() -> channels.connect(uri))
                : Optional.empty();
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
