package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamSocketTest {

    private static final int PAGE = Host.pageSize();
    private static final long LENGTH = 4 << 20;

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void memory_goes_through_tcp_both_ways(String host) throws Exception {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getByName(host), 0);
        try (TcpListener listener = listen(any);
                StreamSocket client = StreamSocket.connect(new InetSocketAddress(any.getAddress(), listener.port()));
                StreamSocket server = listener.accept()) {
            assertThat(listener.port()).isPositive();
            client.noDelay(true);
            client.sendBufferBytes(100_000);
            server.receiveBufferBytes(100_000);
            assertThat(client.sendBufferBytes()).isPositive();
            assertThat(server.receiveBufferBytes()).isPositive();
            roundTrip(client, server);
        }
    }

    private static TcpListener listen(InetSocketAddress address) throws LinuxException {
        try {
            return TcpListener.listen(address, 4);
        } catch (LinuxException e) {
            assumeThat(e.getMessage()).as("this machine has no such address").isNull();
            throw e;
        }
    }

    @Test
    void memory_goes_through_a_unix_socket() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            roundTrip(StreamSocket.of(pair.first()), StreamSocket.of(pair.second()));
        }
    }

    private static void roundTrip(StreamSocket client, StreamSocket server) throws Exception {
        try (Mapping source = Mapping.anonymous(LENGTH);
                Mapping target = Mapping.anonymous(LENGTH)) {
            for (long at = 0; at < LENGTH; at += PAGE) {
                NativeMemory.fill(source.address() + at, (int) (at / PAGE) + 1, PAGE);
            }
            assertThat(server.readNow(target.address(), 1)).isEqualTo(-Errno.EAGAIN.code());
            FutureTask<Long> reading = new FutureTask<>(() -> {
                long peeked = server.peek(target.address(), 8);
                assertThat(peeked).isBetween(1L, 8L);
                return server.readAll(target.address(), LENGTH);
            });
            Thread.ofPlatform().start(reading);
            client.writeAll(source.address(), LENGTH);
            assertThat(reading.get()).isEqualTo(LENGTH);
            assertThat(NativeMemory.compare(source.address(), target.address(), LENGTH))
                    .isZero();
            client.writeAll(source.address(), 3);
            client.shutdownOutput();
            assertThat(server.readAll(target.address(), LENGTH)).isEqualTo(3);
            server.writeAll(source.address(), 1);
            assertThat(client.read(target.address(), 10)).isEqualTo(1);
        }
    }

    @Test
    void pages_that_are_missing_are_served_while_a_socket_writes_them() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                Userfaultfd userfaultfd = FaultServer.open();
                Mapping guest = Mapping.anonymous(64L * PAGE);
                Mapping page = Mapping.anonymous(PAGE);
                Mapping target = Mapping.anonymous(64L * PAGE)) {
            assumeThat(Userfaultfd.probe(Userfaultfd.Way.SYSTEM_CALL))
                    .as("this user may handle faults of user code only")
                    .isInstanceOf(Userfaultfd.Support.Available.class);
            page.memory().fill((byte) 6);
            guest.advise(Advice.NOHUGEPAGE);
            userfaultfd.register(guest.address(), guest.lengthBytes(), Userfaultfd.Mode.MISSING);
            try (FaultServer server = new FaultServer(userfaultfd, event -> {
                long at = ((FaultEvents.Event.PageFault) event).address() & -PAGE;
                assertThat(userfaultfd.copy(at, page.address(), PAGE, false, true))
                        .isEqualTo(PAGE);
            })) {
                StreamSocket writing = StreamSocket.of(pair.first());
                StreamSocket reading = StreamSocket.of(pair.second());
                FutureTask<Long> read = new FutureTask<>(() -> reading.readAll(target.address(), target.lengthBytes()));
                Thread.ofPlatform().start(read);
                writing.writeAll(guest.address(), guest.lengthBytes());
                assertThat(read.get()).isEqualTo(target.lengthBytes());
                assertThat(server.seen).hasSize(64);
                assertThat(NativeMemory.compare(guest.address(), target.address(), target.lengthBytes()))
                        .isZero();
            }
        }
    }

    @Test
    void closing_wakes_whoever_reads_or_accepts() throws Exception {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        TcpListener listener = TcpListener.listen(any, 4);
        InetSocketAddress there = new InetSocketAddress(any.getAddress(), listener.port());
        StreamSocket client = StreamSocket.connect(there);
        StreamSocket server = listener.accept();
        try (Arena arena = Arena.ofShared()) {
            long target = arena.allocate(8).address();
            FutureTask<Long> reading = new FutureTask<>(() -> client.read(target, 8));
            FutureTask<Errno> accepting = new FutureTask<>(() -> {
                try (StreamSocket nobody = listener.accept()) {
                    throw new AssertionError(nobody);
                } catch (LinuxException e) {
                    return e.errno();
                }
            });
            Thread.ofPlatform().start(reading);
            Thread.ofPlatform().start(accepting);
            client.close();
            listener.close();
            assertThat(reading.get()).isIn(0L, (long) -Errno.EBADF.code());
            assertThat(accepting.get()).isIn(Errno.EINVAL, Errno.EBADF);
            server.close();
        }
        assertThatThrownBy(() -> StreamSocket.connect(there))
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ECONNREFUSED));
    }

    @Test
    void a_port_that_is_taken_is_refused() throws Exception {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (TcpListener listener = TcpListener.listen(any, 4)) {
            InetSocketAddress taken = new InetSocketAddress(any.getAddress(), listener.port());
            assertThatThrownBy(() -> TcpListener.listen(taken, 4))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EADDRINUSE));
        }
    }
}
