package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.linux.Epoll.Interest;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EpollTest {

    @Test
    void an_event_is_signalled_by_another_thread_and_drained() throws Exception {
        try (EventFd event = EventFd.create()) {
            assertThat(event.drain()).isZero();
            assertThat(Poll.readable(event.descriptor(), 0)).isFalse();
            Thread signalling = Thread.ofPlatform().start(() -> {
                try {
                    event.signal();
                    event.signal();
                } catch (LinuxException e) {
                    throw new AssertionError(e);
                }
            });
            assertThat(Poll.readable(event.descriptor(), Poll.FOREVER)).isTrue();
            signalling.join();
            assertThat(event.drain()).isEqualTo(2);
            assertThat(event.drain()).isZero();
            event.descriptor().close();
            assertThatThrownBy(event::signal).isInstanceOf(LinuxException.class);
            assertThatThrownBy(() -> Poll.readable(event.descriptor(), 0)).isInstanceOf(LinuxException.class);
        }
    }

    @Test
    void of_two_descriptors_the_readable_one_is_told() throws Exception {
        try (EventFd first = EventFd.create();
                EventFd second = EventFd.create()) {
            assertThat(Poll.readable(first.descriptor(), second.descriptor(), 1))
                    .isZero();
            second.signal();
            assertThat(Poll.readable(first.descriptor(), second.descriptor(), Poll.FOREVER))
                    .isEqualTo(2);
            first.signal();
            assertThat(Poll.readable(first.descriptor(), second.descriptor(), Poll.FOREVER))
                    .isEqualTo(3);
            assertThat(Poll.writable(first.descriptor(), 0)).isTrue();
        }
    }

    @Test
    void keys_of_64_bits_come_back_with_what_is_ready() throws Exception {
        try (Epoll epoll = Epoll.create(8);
                EventFd first = EventFd.create();
                EventFd second = EventFd.create();
                EventFd silent = EventFd.create()) {
            epoll.add(first.descriptor(), Long.MIN_VALUE + 1, Interest.READ);
            epoll.add(second.descriptor(), 0x123456789abcdef0L, Interest.READ);
            epoll.add(silent.descriptor(), 3, Interest.READ);
            assertThat(epoll.await(0)).isZero();
            first.signal();
            second.signal();
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(2);
            assertThat(Set.of(epoll.key(0), epoll.key(1))).isEqualTo(Set.of(Long.MIN_VALUE + 1, 0x123456789abcdef0L));
            assertThat(epoll.isReadable(0)).isTrue();
            assertThat(epoll.isWritable(0) || epoll.hasEnded(0)).isFalse();
            assertThatThrownBy(() -> epoll.key(2)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void what_is_changed_or_removed_is_waited_for_no_more() throws Exception {
        try (Epoll epoll = Epoll.create(8);
                EventFd event = EventFd.create()) {
            event.signal();
            epoll.add(event.descriptor(), 1, Interest.READ, Interest.ONE_SHOT);
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(1);
            assertThat(epoll.await(0)).isZero();
            epoll.modify(event.descriptor(), 2, Interest.WRITE);
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(1);
            assertThat(epoll.key(0)).isEqualTo(2);
            assertThat(epoll.isWritable(0)).isTrue();
            assertThat(epoll.isReadable(0)).isFalse();
            refused(Errno.EEXIST, () -> epoll.add(event.descriptor(), 3, Interest.READ));
            epoll.remove(event.descriptor());
            assertThat(epoll.await(0)).isZero();
            refused(Errno.ENOENT, () -> epoll.modify(event.descriptor(), 3, Interest.READ));
        }
    }

    @Test
    void more_than_there_is_room_for_comes_with_the_next_wait() throws Exception {
        try (Epoll epoll = Epoll.create(2);
                EventFd one = EventFd.create();
                EventFd two = EventFd.create();
                EventFd three = EventFd.create()) {
            long key = 1;
            for (EventFd event : new EventFd[] {one, two, three}) {
                event.signal();
                epoll.add(event.descriptor(), key++, Interest.READ, Interest.EDGE_TRIGGERED);
            }
            Set<Long> keys = new HashSet<>();
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(2);
            keys.add(epoll.key(0));
            keys.add(epoll.key(1));
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(1);
            keys.add(epoll.key(0));
            assertThat(keys).containsExactlyInAnyOrder(1L, 2L, 3L);
            assertThat(epoll.await(0)).isZero();
        }
    }

    @Test
    void the_end_of_the_other_side_is_told() throws Exception {
        try (Epoll epoll = Epoll.create(2);
                UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            epoll.add(pair.first().descriptor(), 1, Interest.READ, Interest.PEER_SHUTDOWN);
            pair.second().shutdownOutput();
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(1);
            assertThat(epoll.isReadable(0)).isTrue();
            assertThat(epoll.hasEnded(0)).isFalse();
            pair.second().close();
            assertThat(epoll.await(Poll.FOREVER)).isEqualTo(1);
            assertThat(epoll.hasEnded(0)).isTrue();
        }
    }

    @Test
    void a_signal_in_between_does_not_end_the_wait() throws Exception {
        InterruptSignal signal = InterruptSignal.get();
        try (Epoll epoll = Epoll.create(1);
                EventFd event = EventFd.create();
                UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM)) {
            epoll.add(event.descriptor(), 5, Interest.READ);
            int[] found = new int[1];
            Thread waiting = Thread.ofPlatform().start(() -> {
                try {
                    signal.unblock();
                    byte[] id = Integer.toString(Threads.currentId()).getBytes(java.nio.charset.StandardCharsets.UTF_8);
                    pair.second().send(MemorySegment.ofArray(id));
                    found[0] = epoll.await(600_000);
                } catch (LinuxException e) {
                    throw new AssertionError(e);
                }
            });
            byte[] id = new byte[16];
            int length =
                    (int) pair.first().receive(MemorySegment.ofArray(id), 0).lengthBytes();
            int thread = Integer.parseInt(new String(id, 0, length, java.nio.charset.StandardCharsets.UTF_8));
            for (int i = 0; i < 100; i++) {
                assertThat(signal.send(thread)).isZero();
                Thread.onSpinWait();
            }
            event.signal();
            waiting.join();
            assertThat(found[0]).isEqualTo(1);
        }
    }

    @Test
    void a_file_cannot_be_waited_for() throws Exception {
        Path path = Files.createTempFile("epoll", "file");
        try (Epoll epoll = Epoll.create(1);
                OpenFile file = OpenFile.open(path)) {
            refused(Errno.EPERM, () -> epoll.add(file.descriptor(), 1, Interest.READ));
        } finally {
            Files.delete(path);
        }
    }

    private static void refused(Errno errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(errno));
    }
}
