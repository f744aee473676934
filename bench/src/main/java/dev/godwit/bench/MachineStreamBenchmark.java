package dev.godwit.bench;

import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.qemu.MachineStream;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.WritingMachine;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * RAM of a machine, every second page zero, sent over a socket to a thread that throws it away: GiB of RAM a second.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class MachineStreamBenchmark {

    private static final long RAM_BYTES = 1L << 30;
    private static final int RUN_PAGES = 64;

    private static final ReturnPathListener NOBODY = new ReturnPathListener() {
        @Override
        public void switchoverAcknowledged() {}

        @Override
        public void shut(int status) {}

        @Override
        public void lost(IOException cause) {}
    };

    /** What carries it. */
    @Param({"tcp", "unix"})
    public String transport = "tcp";

    private final WritingMachine machine =
            new WritingMachine("bench-1", 25, WritingMachine.IDLE, new RamBlock("ram", RAM_BYTES)).filled();
    private MachineStream stream = new MachineStream(
            machine,
            Channels.newChannel(OutputStream.nullOutputStream()),
            Set.of(),
            () -> MigrationParameters.DEFAULTS);

    /** Connects the two ends. */
    @Setup
    public void connect() throws IOException {
        Path folder = Files.createTempDirectory("godwit-bench");
        boolean unix = "unix".equals(transport);
        SocketAddress address = unix
                ? UnixDomainSocketAddress.of(folder.resolve("s"))
                : new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (ServerSocketChannel listener =
                ServerSocketChannel.open(unix ? StandardProtocolFamily.UNIX : StandardProtocolFamily.INET)) {
            listener.bind(address);
            SocketChannel near = SocketChannel.open(listener.getLocalAddress());
            SocketChannel far = listener.accept();
            Thread.ofPlatform().daemon(true).name("drain").start(() -> drain(far));
            stream = new MachineStream(machine, near, Set.of(), () -> MigrationParameters.DEFAULTS);
        } finally {
            Files.deleteIfExists(folder.resolve("s"));
            Files.delete(folder);
        }
        stream.start(NOBODY);
    }

    private static void drain(SocketChannel channel) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        try (channel) {
            while (channel.read(buffer.clear()) >= 0) {
                // thrown away
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Sends all of RAM once. */
    @Benchmark
    public void send() throws IOException {
        stream.beginPart();
        for (long page = 0; page < RAM_BYTES / 4096; page += RUN_PAGES) {
            stream.pages(0, page, RUN_PAGES);
        }
        stream.endPart();
    }

    /** Hangs up. */
    @TearDown
    public void close() throws IOException {
        stream.close();
        machine.close();
    }
}
