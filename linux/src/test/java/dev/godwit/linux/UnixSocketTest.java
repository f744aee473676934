package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.linux.UnixSocket.Received;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {

    private static final int PAGE = Host.pageSize();

    @Test
    void a_memory_file_is_sent_and_mapped_by_its_receiver() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                EventFd event = EventFd.create()) {
            try (Memfd memfd = Memfd.create("guest", PAGE, HugePageSize.NONE);
                    Mapping mapping = Mapping.of(memfd, 0, PAGE, Sharing.SHARED, Protection.READ_WRITE)) {
                mapping.memory().set(JAVA_LONG, 8, 99);
                pair.first().send(MemorySegment.ofArray(new byte[] {1, 2}), memfd.descriptor(), event.descriptor());
            }
            byte[] bytes = new byte[8];
            Received received = pair.second().receive(MemorySegment.ofArray(bytes), 4);
            assertThat(received.lengthBytes()).isEqualTo(2);
            assertThat(bytes).startsWith(1, 2, 0);
            assertThat(received.descriptors()).hasSize(2);
            try (Memfd memfd = Memfd.adopt(received.descriptors().get(0), HugePageSize.NONE);
                    Mapping mapping = Mapping.of(memfd, 0, PAGE, Sharing.SHARED, Protection.READ);
                    Descriptor signalled = received.descriptors().get(1)) {
                assertThat(mapping.memory().get(JAVA_LONG, 8)).isEqualTo(99);
                event.signal();
                assertThat(Poll.readable(signalled, 0)).isTrue();
            }
        }
    }

    @Test
    void more_descriptors_than_expected_are_refused_and_closed() throws Exception {
        for (int expected = 0; expected <= 3; expected++) {
            try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                    EventFd event = EventFd.create()) {
                Descriptor[] sent = new Descriptor[expected + 1];
                java.util.Arrays.fill(sent, event.descriptor());
                pair.first().send(MemorySegment.ofArray(new byte[1]), sent);
                long open = openDescriptors();
                int room = expected;
                assertThatThrownBy(() -> pair.second().receive(MemorySegment.ofArray(new byte[8]), room))
                        .hasMessageContaining(room + " descriptors")
                        .isInstanceOfSatisfying(
                                LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EMSGSIZE));
                assertThat(openDescriptors()).isEqualTo(open);
            }
        }
    }

    @Test
    void received_descriptors_are_not_inherited_by_other_programs() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                EventFd event = EventFd.create()) {
            pair.first().send(MemorySegment.ofArray(new byte[1]), event.descriptor());
            Received received = pair.second().receive(MemorySegment.ofArray(new byte[1]), 1);
            try (Descriptor descriptor = received.descriptors().getFirst()) {
                String flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + descriptor.number())).stream()
                        .filter(line -> line.startsWith("flags:"))
                        .findFirst()
                        .orElseThrow();
                assertThat(Integer.parseInt(flags.substring(6).strip(), 8) & 02000000)
                        .isNotZero();
            }
        }
    }

    @Test
    void messages_are_received_as_they_were_sent_and_none_is_cut() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.SEQPACKET)) {
            pair.first().send(MemorySegment.ofArray(new byte[3]));
            pair.first().send(MemorySegment.ofArray(new byte[5]));
            assertThat(pair.second()
                            .receive(MemorySegment.ofArray(new byte[8]), 0)
                            .lengthBytes())
                    .isEqualTo(3);
            assertThatThrownBy(() -> pair.second().receive(MemorySegment.ofArray(new byte[4]), 0))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EMSGSIZE));
        }
    }

    @Test
    void a_listener_is_its_users_alone_and_knows_who_connects(@TempDir Path folder) throws Exception {
        Path path = folder.resolve("socket");
        try (UnixListener listener = UnixListener.listen(path, UnixSocket.Type.STREAM, 4)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo("rw-------");
            assertThatThrownBy(() -> UnixListener.listen(path, UnixSocket.Type.STREAM, 4))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EADDRINUSE));
            try (UnixSocket client = UnixSocket.connect(path, UnixSocket.Type.STREAM);
                    UnixSocket server = listener.accept()) {
                assertThat(server.peer().processId())
                        .isEqualTo((int) ProcessHandle.current().pid());
                client.send(MemorySegment.ofArray(new byte[] {7}));
                client.shutdownOutput();
                byte[] bytes = new byte[2];
                assertThat(server.receive(MemorySegment.ofArray(bytes), 0).lengthBytes())
                        .isEqualTo(1);
                assertThat(server.receive(MemorySegment.ofArray(bytes), 0).lengthBytes())
                        .isZero();
            }
        }
        assertThat(path).doesNotExist();
        assertThatThrownBy(() -> UnixSocket.connect(path, UnixSocket.Type.STREAM))
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
    }

    @Test
    void a_name_that_is_too_long_is_refused_and_not_cut(@TempDir Path folder) {
        assertThatThrownBy(() -> UnixListener.listen(folder.resolve("x".repeat(108)), UnixSocket.Type.STREAM, 1))
                .hasMessageContaining("107 bytes");
    }

    @Test
    void closing_wakes_whoever_waits(@TempDir Path folder) throws Exception {
        UnixListener listener = UnixListener.listen(folder.resolve("socket"), UnixSocket.Type.STREAM, 4);
        UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
        FutureTask<Long> receiving = new FutureTask<>(() ->
                pair.first().receive(MemorySegment.ofArray(new byte[1]), 0).lengthBytes());
        FutureTask<Errno> accepting = new FutureTask<>(() -> {
            try (UnixSocket nobody = listener.accept()) {
                throw new AssertionError(nobody);
            } catch (LinuxException e) {
                return e.errno();
            }
        });
        Thread.ofPlatform().start(receiving);
        Thread.ofPlatform().start(accepting);
        pair.close();
        listener.close();
        try {
            assertThat(receiving.get()).isZero();
        } catch (java.util.concurrent.ExecutionException e) { // where it came only after the close
            assertThat(e.getCause()).isInstanceOf(LinuxException.class);
        }
        assertThat(accepting.get()).isIn(Errno.EINVAL, Errno.EBADF);
    }

    @Test
    void writing_to_nobody_is_an_error_and_no_signal() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                Arena arena = Arena.ofConfined()) {
            pair.second().close();
            MemorySegment byteSent = arena.allocate(1);
            assertThatThrownBy(() -> pair.first().send(byteSent))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPIPE));
        }
    }

    private static long openDescriptors() throws Exception {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.count();
        }
    }
}
