package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.qemu.ReceivedPages;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class IncomingConnectionsTest {

    private static final int MIGRATION_MAGIC = 0x5145564d;
    private static final int O_NONBLOCK = 04000;

    @TempDir
    Path folder;

    @Test
    void a_connection_that_says_nothing_does_not_hold_up_the_others() throws Exception {
        try (SnapshotWriter writer = SnapshotWriter.create(folder.resolve("snap"), SnapshotOptions.DEFAULT);
                MigrationListener listener = MigrationListener.open(uri());
                IncomingConnections incoming = connections(listener, writer, 2);
                SocketChannel silent = connect();
                SocketChannel main = connect()) {
            ByteBuffer magic =
                    ByteBuffer.allocate(8).putInt(MIGRATION_MAGIC).putInt(3).flip();
            main.write(magic);

            incoming.awaitMain();

            ByteBuffer first = ByteBuffer.allocate(4);
            assertThat(incoming.main().read(first)).isEqualTo(4);
            assertThat(first.getInt(0)).isEqualTo(MIGRATION_MAGIC);
            assertThat(silent.isOpen()).isTrue();
        }
    }

    /** A socket that does not block costs three system calls for each read that finds nothing yet. */
    @Test
    void a_connection_still_blocks_when_its_kind_is_known() throws Exception {
        try (SnapshotWriter writer = SnapshotWriter.create(folder.resolve("snap"), SnapshotOptions.DEFAULT);
                MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp:127.0.0.1:0"));
                IncomingConnections incoming = connections(listener, writer, 1)) {
            int port = ((MigrationUri.Tcp) listener.address()).port();
            try (SocketChannel main =
                    SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))) {
                main.write(ByteBuffer.allocate(4).putInt(MIGRATION_MAGIC).flip());

                incoming.awaitMain();

                assertThat(flagsOfAccepted(port)).hasSize(1).allMatch(flags -> (flags & O_NONBLOCK) == 0);
            }
        }
    }

    /** The flags of this process's descriptors whose connection ends at a port of its own. */
    private static List<Integer> flagsOfAccepted(int port) throws IOException {
        Set<String> sockets = new HashSet<>();
        for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
            if (Files.exists(Path.of(table))) {
                for (String line : Files.readAllLines(Path.of(table))) {
                    String[] fields = line.strip().split("\\s+", -1);
                    if (fields[1].endsWith(":%04X".formatted(port)) && fields[3].equals("01")) { // established
                        sockets.add("socket:[" + fields[9] + "]");
                    }
                }
            }
        }
        List<Integer> flags = new ArrayList<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors) {
                if (Files.isSymbolicLink(descriptor)
                        && sockets.contains(Files.readSymbolicLink(descriptor).toString())) {
                    Path info = Path.of("/proc/self/fdinfo").resolve(descriptor.getFileName());
                    flags.add(Files.readAllLines(info).stream()
                            .filter(line -> line.startsWith("flags:"))
                            .mapToInt(line -> Integer.parseInt(line.substring(6).strip(), 8))
                            .findFirst()
                            .orElseThrow());
                }
            }
        }
        return flags;
    }

    @Test
    void closing_ends_the_wait_for_a_source_that_says_nothing() throws Exception {
        try (SnapshotWriter writer = SnapshotWriter.create(folder.resolve("snap"), SnapshotOptions.DEFAULT);
                MigrationListener listener = MigrationListener.open(uri());
                IncomingConnections incoming = connections(listener, writer, 1);
                SocketChannel silent = connect()) {
            assertThat(silent.isConnected()).isTrue();
            Closeable closed = incoming;
            Thread closing = Thread.ofVirtual().unstarted(() -> {
                try {
                    closed.close();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            closing.start();
            assertThatThrownBy(incoming::awaitMain).isInstanceOf(IOException.class);
            closing.join();
        }
    }

    @Test
    void a_connection_too_many_fails_the_migration() throws Exception {
        try (SnapshotWriter writer = SnapshotWriter.create(folder.resolve("snap"), SnapshotOptions.DEFAULT);
                MigrationListener listener = MigrationListener.open(uri());
                IncomingConnections incoming = connections(listener, writer, 1);
                SocketChannel first = connect();
                SocketChannel second = connect();
                SocketChannel third = connect()) {
            assertThat(first.isConnected() && second.isConnected() && third.isConnected())
                    .isTrue();
            assertThatThrownBy(incoming::awaitMain)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("connection 3 of 2");
        }
    }

    private IncomingConnections connections(MigrationListener listener, SnapshotWriter writer, int multifdChannels) {
        ReceiveOptions options =
                new ReceiveOptions(folder.resolve("snap"), uri(), multifdChannels, MultifdMethod.NONE, false);
        return new IncomingConnections(listener, options, new ReceivedPages(writer), Progress.NONE);
    }

    private MigrationUri uri() {
        return new MigrationUri.Unix(folder.resolve("migration.sock"));
    }

    private SocketChannel connect() throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(folder.resolve("migration.sock")));
        return channel;
    }
}
