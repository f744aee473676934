package dev.godwit.qemu;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.IncomingPrecopy;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.qemu.multifd.MultifdSender;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.WritingMachine;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Two machines of one kind and a socket between them; the migration from the one to the other. */
final class PrecopyPair implements AutoCloseable {

    static final long RAM_BYTES = 2 << 20;
    static final long ROM_BYTES = 3 * 4096;
    private static final RamBlock RAM = new RamBlock("test.ram", RAM_BYTES);
    private static final RamBlock ROM = new RamBlock("test.rom", ROM_BYTES);

    final WritingMachine source;
    final WritingMachine destination;
    final List<MachineEvent> sourceEvents = new CopyOnWriteArrayList<>();
    final List<MachineEvent> destinationEvents = new CopyOnWriteArrayList<>();
    final MachineRun sourceRun;
    final MachineRun destinationRun;
    private final Set<MigrationCapability> capabilities = EnumSet.noneOf(MigrationCapability.class);
    private volatile MigrationParameters parameters = MigrationParameters.DEFAULTS;
    private final SocketChannel near;
    private final ByteChannel far;
    private final List<SocketChannel> nearChannels = new ArrayList<>();
    private final List<SocketChannel> farChannels = new ArrayList<>();
    private MultifdMethod multifdMethod = MultifdMethod.NONE;
    UnaryOperator<ByteChannel> sourceSide = UnaryOperator.identity();
    UnaryOperator<ByteChannel> destinationSide = UnaryOperator.identity();
    Precopy precopy;
    final IncomingPrecopy incoming;
    private @Nullable FutureTask<Void> sending;
    private @Nullable FutureTask<Void> receiving;

    PrecopyPair() throws IOException {
        this(20_000);
    }

    PrecopyPair(long writeEveryNs) throws IOException {
        this(
                new WritingMachine("test-1", 25, writeEveryNs, RAM, ROM).filled(),
                new WritingMachine("test-1", 26, writeEveryNs, ROM, RAM));
    }

    PrecopyPair(WritingMachine source, WritingMachine destination) throws IOException {
        this.source = source;
        this.destination = destination;
        sourceRun = new MachineRun(source, RunStatus.PRELAUNCH, sourceEvents::add);
        destinationRun = new MachineRun(destination, RunStatus.INMIGRATE, destinationEvents::add);
        precopy = newPrecopy(source, sourceRun);
        incoming = new IncomingPrecopy(destination, destinationRun, destinationEvents::add);
        try (ServerSocketChannel listener = listener()) {
            near = SocketChannel.open(listener.getLocalAddress());
            far = listener.accept();
        }
    }

    void with(MigrationCapability... more) {
        capabilities.addAll(List.of(more));
        precopy = newPrecopy(source, sourceRun);
    }

    void set(MigrationParameter parameter, Object value) throws ControlException {
        parameters = parameters(Map.of(parameter, value));
    }

    MigrationParameters parameters(Map<MigrationParameter, Object> changes) throws ControlException {
        return parameters.with(changes);
    }

    private Precopy newPrecopy(WritingMachine machine, MachineRun run) {
        return new Precopy(
                machine,
                run,
                this::connect,
                new PrecopySettings(capabilities, () -> parameters, sourceEvents::add, Clock.SYSTEM));
    }

    /** Pages travel on connections of their own too. */
    void multifd(int channels, MultifdMethod method) throws IOException {
        with(MigrationCapability.MULTIFD);
        multifdMethod = method;
        for (int channel = 0; channel < channels; channel++) {
            try (ServerSocketChannel listener = listener()) {
                nearChannels.add(SocketChannel.open(listener.getLocalAddress()));
                farChannels.add(listener.accept());
            }
        }
    }

    /** Has the source find a channel closed as soon as it sends on it. */
    void breakMultifdChannel(int channel) throws IOException {
        nearChannels.get(channel).shutdownOutput();
    }

    private static ServerSocketChannel listener() throws IOException {
        return ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    private MachineStream connect() {
        ByteChannel channel = sourceSide.apply(near);
        MachineStream stream = new MachineStream(source, channel, capabilities, () -> parameters);
        if (!nearChannels.isEmpty()) {
            boolean findZeros =
                    parameters.text(MigrationParameter.ZERO_PAGE_DETECTION).equals("multifd");
            stream.route(new MultifdSender(
                    new MultifdSender.Settings(multifdMethod, 1, findZeros, new UUID(0, 0)),
                    nearChannels,
                    source.memory(),
                    stream::routeFailed));
        }
        return capabilities.contains(MigrationCapability.RETURN_PATH)
                ? stream.returnPath(channel, near::shutdownOutput)
                : stream;
    }

    void start() {
        receive();
        send();
    }

    /** The other end of the socket, for a test that plays the destination itself. */
    ByteChannel far() {
        return far;
    }

    void send() {
        sending = start("precopy", () -> precopy.run());
    }

    private void receive() {
        ByteChannel channel = destinationSide.apply(far);
        ReceivedPages sink = new ReceivedPages(new MachineSink(destination.memory()));
        IncomingMachineStream stream = new IncomingMachineStream(destination, sink, channel)
                .returnPath(channel, capabilities.contains(MigrationCapability.SWITCHOVER_ACK));
        if (!farChannels.isEmpty()) {
            MultifdReceiver channels =
                    new MultifdReceiver(farChannels.size(), multifdMethod, sink, _ -> stream.abort());
            stream.multifd(channels);
            for (SocketChannel other : farChannels) {
                try {
                    channels.accept(other);
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }
        }
        incoming.listening();
        receiving = start("incoming", () -> incoming.run(stream));
    }

    private interface Work {
        void run() throws MigrationException;
    }

    private static FutureTask<Void> start(String name, Work work) {
        FutureTask<Void> task = new FutureTask<>(() -> {
            work.run();
            return null;
        });
        Thread.ofPlatform().name(name).start(task);
        return task;
    }

    void join() throws Exception {
        try {
            await(sending);
        } finally {
            if (sourceRun.status() == RunStatus.POSTMIGRATE) {
                await(receiving);
            }
        }
    }

    void migrate() throws Exception {
        start();
        join();
    }

    /** Waits until both sides are done, however they end. */
    void settle() throws InterruptedException {
        for (FutureTask<Void> task : Arrays.asList(sending, receiving)) {
            try {
                if (task != null) {
                    task.get();
                }
            } catch (ExecutionException _) {
                // it failed, as it may
            }
        }
    }

    Throwable destinationFailure() throws Exception {
        try {
            await(receiving);
        } catch (MigrationException e) {
            return e;
        }
        throw new AssertionError("the destination has the guest");
    }

    private static void await(@Nullable FutureTask<Void> task) throws Exception {
        if (task == null) {
            return;
        }
        try {
            task.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    void awaitSource(MigrationStatus status) {
        awaitSourceOrItsEnd(status);
        if (precopy.report().status() != status) {
            throw new AssertionError("expected " + status + ", found " + precopy.report());
        }
    }

    void awaitSourceOrItsEnd(MigrationStatus status) {
        Await.until(status.toString(), () -> {
            MigrationStatus now = precopy.report().status();
            return now == status || (!now.isUnderWay() && now != MigrationStatus.NONE);
        });
    }

    @Override
    public void close() throws IOException {
        near.close();
        far.close();
        try {
            settle();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        source.close();
        destination.close();
    }
}
