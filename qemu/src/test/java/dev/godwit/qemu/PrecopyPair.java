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
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    final TestMachine source = new TestMachine("test-1", 25, 20_000, RAM, ROM).filled();
    final TestMachine destination = new TestMachine("test-1", 26, 20_000, ROM, RAM);
    final List<MachineEvent> sourceEvents = new CopyOnWriteArrayList<>();
    final List<MachineEvent> destinationEvents = new CopyOnWriteArrayList<>();
    final MachineRun sourceRun = new MachineRun(source, RunStatus.PRELAUNCH, sourceEvents::add);
    final MachineRun destinationRun = new MachineRun(destination, RunStatus.INMIGRATE, destinationEvents::add);
    private final Set<MigrationCapability> capabilities = EnumSet.noneOf(MigrationCapability.class);
    private volatile MigrationParameters parameters = MigrationParameters.DEFAULTS;
    private final ByteChannel near;
    private final ByteChannel far;
    UnaryOperator<ByteChannel> sourceSide = UnaryOperator.identity();
    UnaryOperator<ByteChannel> destinationSide = UnaryOperator.identity();
    Precopy precopy = precopy();
    final IncomingPrecopy incoming = new IncomingPrecopy(destination, destinationRun, destinationEvents::add);
    private @Nullable FutureTask<Void> sending;
    private @Nullable FutureTask<Void> receiving;

    PrecopyPair() throws IOException {
        try (ServerSocketChannel listener =
                ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            near = SocketChannel.open(listener.getLocalAddress());
            far = listener.accept();
        }
    }

    void with(MigrationCapability... more) {
        capabilities.addAll(List.of(more));
        precopy = precopy();
    }

    void set(MigrationParameter parameter, Object value) throws ControlException {
        parameters = parameters(Map.of(parameter, value));
    }

    MigrationParameters parameters(Map<MigrationParameter, Object> changes) throws ControlException {
        return parameters.with(changes);
    }

    private Precopy precopy() {
        return new Precopy(
                source,
                sourceRun,
                this::connect,
                new PrecopySettings(capabilities, () -> parameters, sourceEvents::add, Clock.SYSTEM));
    }

    private MachineStream connect() {
        ByteChannel channel = sourceSide.apply(near);
        MachineStream stream = new MachineStream(source, channel, capabilities, () -> parameters);
        return capabilities.contains(MigrationCapability.RETURN_PATH) ? stream.returnPath(channel) : stream;
    }

    void start() {
        ByteChannel channel = destinationSide.apply(far);
        IncomingMachineStream stream = new IncomingMachineStream(
                        destination, new ReceivedPages(new MachineSink(destination.memory())), channel)
                .returnPath(channel, capabilities.contains(MigrationCapability.SWITCHOVER_ACK));
        incoming.listening();
        receiving = start("incoming", () -> incoming.run(stream));
        sending = start("precopy", () -> precopy.run());
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
        while (precopy.report().status() != status) {
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() throws IOException {
        near.close();
        far.close();
        try {
            destinationFailure();
        } catch (Exception | AssertionError _) {
            // however it ended
        }
        source.close();
        destination.close();
    }
}
