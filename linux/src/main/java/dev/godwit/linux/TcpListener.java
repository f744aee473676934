package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.godwit.linux.calls.SocketCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;

/**
 * A TCP socket that others connect to. Owns its descriptor. {@link #close()} may come from any thread and wakes whoever
 * waits in {@link #accept()}.
 */
public final class TcpListener implements Closeable {

    private final Descriptor descriptor;
    private final int port;

    private TcpListener(Descriptor descriptor, int port) {
        this.descriptor = descriptor;
        this.port = port;
    }

    /**
     * Listens.
     *
     * @param address resolved; port 0 takes any that is free
     * @param backlog how many may wait to be accepted
     * @throws LinuxException {@link Errno#EADDRINUSE} where somebody listens there; nothing is left then
     */
    public static TcpListener listen(InetSocketAddress address, int backlog) throws LinuxException {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException(address + " is not resolved");
        }
        Descriptor descriptor = StreamSocket.open(address);
        try (Arena arena = Arena.ofConfined()) {
            // a port is free again at once, not only when the last of its connections is forgotten
            descriptor.check(
                    "setsockopt", fd -> SocketOptions.set(fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_REUSEADDR, 1));
            MemorySegment name = SocketAddresses.inet(arena, address);
            MemorySegment length = arena.allocateFrom(JAVA_INT, (int) name.byteSize());
            descriptor.check("bind", fd -> SocketCalls.bind(fd, name.address(), (int) name.byteSize()));
            descriptor.check("listen", fd -> SocketCalls.listen(fd, backlog));
            descriptor.check("getsockname", fd -> SocketCalls.getsockname(fd, name.address(), length.address()));
            return new TcpListener(descriptor, SocketAddresses.port(name));
        } catch (LinuxException e) {
            descriptor.close();
            throw e;
        }
    }

    /** {@return the owner of the descriptor, readable while somebody waits to be accepted} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** {@return the port} */
    public int port() {
        return port;
    }

    /**
     * {@return the next who connects; waits for them}
     *
     * @throws LinuxException {@link Errno#EINVAL} or {@link Errno#EBADF} once this was closed
     */
    public StreamSocket accept() throws LinuxException {
        long fd = descriptor.use(listening -> SocketCalls.accept4(listening, 0, 0, SocketCalls.SOCK_CLOEXEC));
        return StreamSocket.adopt(Descriptor.ofResult("accept", fd, "connection to " + descriptor.name()));
    }

    /** Stops listening. Twice does no harm. */
    @Override
    public void close() {
        descriptor.use(fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_RDWR));
        descriptor.close();
    }
}
