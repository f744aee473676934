package dev.godwit.bench;

import dev.godwit.testkit.TestAuthority;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import dev.godwit.transport.TlsCredentials;
import dev.godwit.transport.TlsCredentials.Endpoint;
import dev.godwit.transport.TlsServer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Bytes over loopback, plain and inside TLS: one operation is one MiB written while another thread reads. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class TlsChannelBenchmark {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int PIECE_BYTES = 1 << 20;

    /** Whether the connection is inside TLS. */
    @Param({"false", "true"})
    public boolean tls;

    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);
    private @Nullable Connection connection;

    private record Connection(Path folder, MigrationChannel source, MigrationChannel destination, Thread reader) {}

    /** Connects. */
    @Setup
    public void connect() throws IOException, InterruptedException {
        byte[] content = new byte[PIECE_BYTES];
        new Random(1).nextBytes(content);
        piece.put(content);
        Path folder = Files.createTempDirectory("godwit-bench");
        TestAuthority authority = new TestAuthority("Benchmark CA");
        authority.trustIn(folder);
        TestAuthority.write(folder, "server", authority.issue("server", "127.0.0.1"));
        TestAuthority.write(folder, "client", authority.issue("client"));
        TlsServer server = new TlsServer(TlsCredentials.load(folder, Endpoint.SERVER, true), true);
        TlsClient client = new TlsClient(TlsCredentials.load(folder, Endpoint.CLIENT, true), Optional.empty());
        MigrationUri any = MigrationUri.parse("tcp:127.0.0.1:0");
        try (MigrationListener listener = tls ? MigrationListener.open(any, server) : MigrationListener.open(any)) {
            MigrationUri address = listener.address();
            MigrationChannel[] accepted = new MigrationChannel[1];
            Thread reader = Thread.ofPlatform().daemon(true).unstarted(() -> readAll(accepted[0]));
            Thread connecting = Thread.ofPlatform().start(() -> {
                try {
                    accepted[0] = listener.accept();
                    reader.start();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            MigrationChannel source = tls ? address.connect(PATIENCE, client) : address.connect(PATIENCE);
            connecting.join();
            connection = new Connection(folder, source, accepted[0], reader);
        }
    }

    private static void readAll(MigrationChannel channel) {
        ByteBuffer target = ByteBuffer.allocateDirect(PIECE_BYTES);
        try {
            while (channel.read(target.clear()) >= 0) {
                // only the way here is measured
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Writes one MiB. */
    @Benchmark
    public int write() throws IOException {
        MigrationChannel source = connected().source();
        piece.clear();
        int bytes = 0;
        while (piece.hasRemaining()) {
            bytes += source.write(piece);
        }
        return bytes;
    }

    private Connection connected() {
        if (connection == null) {
            throw new IllegalStateException("not connected");
        }
        return connection;
    }

    /** Says goodbye and removes the certificates. */
    @TearDown
    public void disconnect() throws IOException, InterruptedException {
        Connection last = connected();
        last.source().shutdownOutput();
        last.reader().join();
        last.source().close();
        last.destination().close();
        try (Stream<Path> files = Files.walk(last.folder())) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        }
    }
}
