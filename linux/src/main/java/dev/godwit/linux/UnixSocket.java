package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.MessageCalls;
import dev.godwit.linux.calls.SocketCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/**
 * A connected unix socket, over which descriptors are sent beside the bytes. Owns its descriptor.
 *
 * <p>It blocks, in native code: its users are platform threads. One thread may send while another receives.
 * {@link #close()} may come from any thread and wakes both.
 */
public final class UnixSocket implements Closeable {

    /** How the bytes come. */
    public enum Type {
        /** As a stream. */
        STREAM(SocketCalls.SOCK_STREAM),
        /** As messages, each received as it was sent. */
        SEQPACKET(SocketCalls.SOCK_SEQPACKET);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /**
     * What came.
     *
     * @param lengthBytes how many bytes, 0 where the other side has ended
     * @param descriptors the descriptors beside them, owned by the receiver, who closes them
     */
    public record Received(long lengthBytes, List<Descriptor> descriptors) {
        /** Copies the list. */
        public Received {
            descriptors = List.copyOf(descriptors);
        }
    }

    /**
     * Two sockets that are each other's other side.
     *
     * @param first one of them
     * @param second the other
     */
    public record Pair(UnixSocket first, UnixSocket second) implements Closeable {
        /** Closes both. */
        @Override
        public void close() {
            first.close();
            second.close();
        }
    }

    private final Descriptor descriptor;

    private UnixSocket(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** {@return two connected sockets} */
    public static Pair pair(Type type) throws LinuxException {
        MemorySegment slot = LibC.argumentSlot();
        int kind = type.number() | SocketCalls.SOCK_CLOEXEC;
        long result = SocketCalls.socketpair(SocketCalls.AF_UNIX, kind, 0, slot.address());
        LinuxException.check("socketpair", result, type);
        return new Pair(
                adopt(Descriptor.own(slot.get(JAVA_INT, 0), "unix socket")),
                adopt(Descriptor.own(slot.get(JAVA_INT, 4), "unix socket")));
    }

    /**
     * Connects to whoever listens.
     *
     * @throws LinuxException if nobody does, or may not; nothing is left open then
     */
    public static UnixSocket connect(Path path, Type type) throws LinuxException {
        Descriptor descriptor = open(type, path.toString());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = SocketAddresses.unix(arena, "connect", path);
            descriptor.check("connect", fd -> SocketCalls.connect(fd, address.address(), (int) address.byteSize()));
            return adopt(descriptor);
        } catch (LinuxException e) {
            descriptor.close();
            throw e;
        }
    }

    /** Takes over a connected unix socket, for example one that the parent process left or another one sent. */
    public static UnixSocket adopt(Descriptor descriptor) {
        return new UnixSocket(descriptor);
    }

    static Descriptor open(Type type, String name) throws LinuxException {
        long fd = SocketCalls.socket(SocketCalls.AF_UNIX, type.number() | SocketCalls.SOCK_CLOEXEC, 0);
        return Descriptor.ofResult("socket", fd, name);
    }

    /** {@return the owner of the descriptor} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** {@return who is at the other end} */
    public PeerCredentials peer() throws LinuxException {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_INT, 0, 12);
        long value = slot.address() + 4;
        descriptor.check(
                "getsockopt",
                fd -> SocketCalls.getsockopt(
                        fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_PEERCRED, value, slot.address()));
        return new PeerCredentials(slot.get(JAVA_INT, 4), slot.get(JAVA_INT, 8), slot.get(JAVA_INT, 12));
    }

    /**
     * Sends all of some bytes, and descriptors beside the first of them. The descriptors stay this process's too.
     *
     * @param source at least one byte; heap memory is copied
     * @throws LinuxException if the other side is gone ({@link Errno#EPIPE}, without a signal); part may be sent then
     */
    public void send(MemorySegment source, Descriptor... descriptors) throws LinuxException {
        if (source.byteSize() == 0) {
            throw new IllegalArgumentException("a message needs a byte");
        }
        int[] numbers = new int[descriptors.length];
        int borrowed = 0;
        try (Arena arena = Arena.ofConfined()) {
            Messages message = new Messages(arena, descriptors.length);
            for (Descriptor sent : descriptors) {
                numbers[borrowed++] = sent.borrow();
                LinuxException.check("sendmsg", numbers[borrowed - 1], sent);
            }
            message.put(numbers);
            sendAll(
                    message,
                    source.isNative()
                            ? source
                            : arena.allocate(source.byteSize()).copyFrom(source));
        } finally {
            while (borrowed > 0) {
                descriptors[--borrowed].giveBack();
            }
        }
    }

    private void sendAll(Messages message, MemorySegment source) throws LinuxException {
        long done = 0;
        while (done < source.byteSize()) {
            long header = message.address(source.asSlice(done), done == 0);
            done += descriptor.check("sendmsg", fd -> MessageCalls.sendmsg(fd, header, MessageCalls.MSG_NOSIGNAL));
        }
    }

    /**
     * Receives what there is, and waits while there is nothing.
     *
     * @param target room for bytes
     * @param descriptorsMax how many descriptors may be beside them, 0 to 253
     * @throws LinuxException with {@link Errno#EMSGSIZE} where more bytes came than a message has room for, or more
     *     descriptors than expected; those that came are closed, and the socket is of no more use
     */
    public Received receive(MemorySegment target, int descriptorsMax) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            Messages message = new Messages(arena, descriptorsMax);
            MemorySegment bytes = target.isNative() ? target : arena.allocate(target.byteSize());
            long header = message.address(bytes, true);
            long length =
                    descriptor.check("recvmsg", fd -> MessageCalls.recvmsg(fd, header, MessageCalls.MSG_CMSG_CLOEXEC));
            List<Descriptor> received = message.descriptors("received by " + descriptor.name());
            if (message.isTruncated()) {
                received.forEach(Descriptor::close);
                throw new LinuxException(
                        "recvmsg",
                        Errno.EMSGSIZE,
                        "expected at most " + bytes.byteSize() + " bytes and " + descriptorsMax + " descriptors");
            }
            if (!target.isNative()) {
                MemorySegment.copy(bytes, 0, target, 0, length);
            }
            return new Received(length, received);
        }
    }

    /** Says that nothing more will be sent; the other side sees the end. */
    public void shutdownOutput() throws LinuxException {
        descriptor.check("shutdown", fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_WR));
    }

    /** Ends both directions, which wakes whoever waits, and closes the descriptor. */
    @Override
    public void close() {
        descriptor.use(fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_RDWR));
        descriptor.close();
    }
}
