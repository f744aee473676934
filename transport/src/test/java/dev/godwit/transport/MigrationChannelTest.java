package dev.godwit.transport;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MigrationChannelTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"tcp::0", "tcp:[::1]:0", "unix:"})
    @SuppressWarnings("try") // one side is closed early, which the other has to see
    void several_channels_carry_bytes_both_ways(String text) throws Exception {
        assumeTrue(
                !text.contains("::1") || Files.exists(Path.of("/proc/net/if_inet6")), "skipped: there is no IPv6 here");
        MigrationUri uri = MigrationUri.parse("unix:".equals(text) ? "unix:" + folder.resolve("s") : text);
        try (MigrationListener listener = MigrationListener.open(uri)) {
            for (int round = 0; round < 3; round++) {
                try (MigrationChannel source = listener.address().connect(PATIENCE);
                        MigrationChannel destination = listener.accept()) {
                    send(source, "pages");
                    source.shutdownOutput();
                    assertThat(receive(destination)).isEqualTo("pages");
                    send(destination, "SHUT");
                    destination.close();
                    assertThat(receive(source)).isEqualTo("SHUT");
                    assertThat(destination.remote()).startsWith(text.substring(0, 4));
                }
            }
        }
    }

    /** A plain close resets it each time; here a reader that gets no processor may find that, but not each time. */
    @ParameterizedTest
    @ValueSource(strings = {"tcp::0", "unix:"})
    void a_source_that_is_hung_up_on_over_unread_bytes_hears_the_last_word_and_the_end(String text) throws Exception {
        MigrationUri uri = MigrationUri.parse("unix:".equals(text) ? "unix:" + folder.resolve("s") : text);
        try (MigrationListener listener = MigrationListener.open(uri)) {
            boolean heard = false;
            for (int round = 0; round < 100 && !heard; round++) {
                heard = hearsTheEnd(listener);
            }
            assertThat(heard).isTrue();
        }
    }

    private static boolean hearsTheEnd(MigrationListener listener) throws Exception {
        try (MigrationChannel source = listener.address().connect(PATIENCE);
                MigrationChannel destination = listener.accept()) {
            source.write(ByteBuffer.allocate(1 << 12));
            assertThat(destination.read(ByteBuffer.allocate(4))).isPositive();
            FutureTask<String> hears = new FutureTask<>(() -> receive(source));
            Thread.ofPlatform().start(hears);
            send(destination, "SHUT");
            destination.hangUp();
            assertThat(destination.isOpen()).isFalse();
            return "SHUT".equals(hears.get());
        } catch (ExecutionException e) {
            return false;
        }
    }

    /**
     * Nobody may read what it sends then: without a return path it would be told of nothing, and take it for loaded.
     */
    @Test
    @SuppressWarnings("try") // one side is closed early, which the other has to see
    void a_source_that_does_not_listen_cannot_send_on() throws Exception {
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp::0"));
                MigrationChannel source = listener.address().connect(PATIENCE);
                MigrationChannel destination = listener.accept()) {
            FutureTask<Void> sends = new FutureTask<>(() -> {
                while (true) {
                    source.write(ByteBuffer.allocate(1 << 16));
                }
            });
            Thread.ofPlatform().start(sends);
            destination.hangUp();
            assertThat(destination.isOpen()).isFalse();
            assertThatThrownBy(sends::get).hasCauseInstanceOf(IOException.class);
        }
    }

    @Test
    void a_unix_connection_with_room_takes_more_than_another_before_it_is_read() throws Exception {
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("unix:" + folder.resolve("s")));
                MigrationChannel source = listener.address().connect(PATIENCE);
                MigrationChannel destination = listener.accept()) {
            source.roomToSend(MigrationChannel.PAGES_ROOM_BYTES);
            ByteBuffer pages = ByteBuffer.allocateDirect(300 << 10); // the kernel gives twice 208 KiB to anybody
            source.write(pages); // would not come back
            assertThat(pages.hasRemaining()).isFalse();
            source.shutdownOutput();
            ByteBuffer came = ByteBuffer.allocate(pages.capacity() + 1);
            while (destination.read(came) >= 0) {
                assertThat(came.hasRemaining()).isTrue();
            }
            assertThat(came.position()).isEqualTo(pages.capacity());
        }
    }

    /** Its own buffers grow to several MiB. */
    @Test
    @SuppressWarnings("try") // the other side only has to be there
    void a_tcp_connection_within_this_host_takes_no_more_than_its_room_before_it_is_read() throws Exception {
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp::0"));
                SocketChannel socket = SocketChannel.open(new InetSocketAddress(
                        InetAddress.getLoopbackAddress(), ((MigrationUri.Tcp) listener.address()).port()));
                MigrationChannel destination = listener.accept()) {
            new PlainMigrationChannel(socket, "here").roomToSend(100_000);

            assertThat(socket.getOption(StandardSocketOptions.SO_SNDBUF)).isBetween(100_000, 200_000);
        }
    }

    @Test
    void a_file_has_no_room_to_be_asked_for() throws Exception {
        try (MigrationChannel file =
                MigrationUri.parse("file:" + folder.resolve("f")).connect(PATIENCE)) {
            file.roomToSend(MigrationChannel.PAGES_ROOM_BYTES);
            send(file, "pages");
        }
        assertThat(folder.resolve("f")).hasContent("pages");
    }

    @Test
    void an_address_without_a_host_is_loopback() throws IOException {
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp::0"))) {
            assertThat(listener.address().toString())
                    .startsWith("tcp:127.0.0.1:")
                    .doesNotEndWith(":0");
        }
    }

    @Test
    void a_socket_is_for_its_owner_only_and_goes_with_its_listener() throws IOException {
        Path socket = folder.resolve("s");
        try (MigrationListener _ = MigrationListener.open(new MigrationUri.Unix(socket))) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                    .isEqualTo("rw-------");
            assertThat(folder).isDirectoryNotContaining("glob:**.godwit*");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @SuppressWarnings("try") // closed early, while its successor listens
    void a_listener_leaves_the_socket_of_its_successor() throws IOException {
        Path socket = folder.resolve("s");
        try (MigrationListener listener = MigrationListener.open(new MigrationUri.Unix(socket))) {
            Files.delete(socket);
            try (MigrationListener _ = MigrationListener.open(new MigrationUri.Unix(socket))) {
                listener.close();
                assertThat(socket).exists();
            }
        }
    }

    @Test
    void a_socket_left_by_a_dead_process_is_replaced() throws IOException {
        Path socket = folder.resolve("s");
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(socket));
        }
        assertThat(socket).exists();
        try (MigrationListener listener = MigrationListener.open(new MigrationUri.Unix(socket))) {
            listener.address().connect(PATIENCE).close();
        }
    }

    @Test
    void what_is_in_use_is_refused() throws IOException {
        MigrationUri uri = new MigrationUri.Unix(folder.resolve("s"));
        try (MigrationListener _ = MigrationListener.open(uri);
                MigrationListener tcp = MigrationListener.open(MigrationUri.parse("tcp::0"))) {
            assertThatThrownBy(() -> MigrationListener.open(uri)).hasMessageContaining("in use");
            assertThatThrownBy(() -> MigrationListener.open(tcp.address())).hasMessageContaining("in use");
        }
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> MigrationListener.open(new MigrationUri.Unix(file)))
                .hasMessageContaining("no socket");
        assertThat(file).exists();
    }

    @Test
    void a_refused_connection_says_so() throws IOException {
        MigrationUri address;
        try (MigrationListener listener = MigrationListener.open(MigrationUri.parse("tcp::0"))) {
            address = listener.address();
        }
        assertThatThrownBy(() -> address.connect(PATIENCE))
                .hasMessageContaining(address.toString())
                .hasMessageContaining("refused");
        assertThatThrownBy(() -> MigrationUri.parse("unix:" + folder + "/none").connect(PATIENCE))
                .hasMessageContaining("no such socket");
        assertThatThrownBy(
                        () -> MigrationUri.parse("file:" + folder + "/no/file").connect(PATIENCE))
                .hasMessageContaining("no such file or folder");
    }

    @Test
    void a_path_too_long_for_a_socket_is_refused() {
        MigrationUri uri = MigrationUri.parse("unix:/tmp/" + "x".repeat(103));
        assertThatThrownBy(() -> uri.connect(PATIENCE)).hasMessageContaining("at most 106 bytes");
        assertThatThrownBy(() -> MigrationListener.open(uri)).hasMessageContaining("at most 106 bytes");
    }

    @Test
    void a_path_of_106_bytes_will_do() throws IOException {
        Path deep = Files.createTempDirectory("g");
        Path socket = deep.resolve(
                "x".repeat(Addresses.MAX_UNIX_PATH_BYTES - deep.toString().length() - 1));
        try (MigrationListener listener = MigrationListener.open(new MigrationUri.Unix(socket))) {
            listener.address().connect(PATIENCE).close();
        } finally {
            Files.delete(deep);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcp", "unix"})
    void closing_the_listener_wakes_accept(String kind) throws Exception {
        MigrationListener listener =
                MigrationListener.open(MigrationUri.parse("tcp".equals(kind) ? "tcp::0" : "unix:" + folder + "/s"));
        FutureTask<MigrationChannel> accepting = new FutureTask<>(listener::accept);
        Thread.ofVirtual().start(accepting);
        listener.close();
        assertThatThrownBy(accepting::get)
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(ClosedChannelException.class);
    }

    @Test
    void a_file_is_written_behind_a_foreign_header_and_read_from_there() throws IOException {
        Path file = folder.resolve("f");
        Files.writeString(file, "HEADERold content");
        MigrationUri uri = MigrationUri.parse("file:" + file + ",offset=6");
        try (MigrationChannel channel = uri.connect(PATIENCE)) {
            send(channel, "stream");
        }
        assertThat(file).hasContent("HEADERstream");
        try (MigrationListener listener = MigrationListener.open(uri);
                MigrationChannel channel = listener.accept()) {
            assertThat(receive(channel)).isEqualTo("stream");
            assertThatThrownBy(listener::accept).hasMessageContaining("one channel only");
        }
    }

    @Test
    void a_command_is_read_and_written() throws IOException {
        Path file = folder.resolve("f");
        try (MigrationChannel channel = new MigrationUri.Exec("cat > '" + file + "'").connect(PATIENCE)) {
            send(channel, "stream");
        }
        assertThat(file).hasContent("stream");
        try (MigrationListener listener = MigrationListener.open(new MigrationUri.Exec("cat '" + file + "'"));
                MigrationChannel channel = listener.accept()) {
            assertThat(receive(channel)).isEqualTo("stream");
        }
    }

    @Test
    void a_command_that_fails_is_no_clean_end() throws IOException {
        MigrationChannel reading = new MigrationUri.Exec("printf abc; exit 3").connect(PATIENCE);
        assertThatThrownBy(() -> receive(reading)).hasMessageContaining("status 3");
        MigrationChannel writing = new MigrationUri.Exec("cat >/dev/null; exit 4").connect(PATIENCE);
        assertThatThrownBy(writing::close).hasMessageContaining("status 4");
    }

    @Test
    void a_command_nobody_reads_any_more_ends_quietly() throws IOException {
        try (MigrationChannel channel = new MigrationUri.Exec("exec cat /dev/zero").connect(PATIENCE)) {
            assertThat(channel.read(ByteBuffer.allocate(10))).isPositive();
        }
    }

    @Test
    void a_descriptor_that_is_not_there_is_refused() {
        assertThatThrownBy(() -> MigrationUri.parse("fd:999999").connect(PATIENCE))
                .hasMessageContaining("no such descriptor");
    }

    private static void send(MigrationChannel channel, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static String receive(MigrationChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(100);
        while (channel.read(bytes) >= 0) {
            assertThat(bytes.hasRemaining()).isTrue();
        }
        return UTF_8.decode(bytes.flip()).toString();
    }
}
