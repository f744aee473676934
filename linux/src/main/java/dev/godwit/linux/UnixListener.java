package dev.godwit.linux;

import dev.godwit.linux.calls.SocketCalls;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A unix socket that others connect to by its name, which only this user may (0600). Owns its descriptor and the name.
 * {@link #close()} may come from any thread and wakes whoever waits in {@link #accept()}.
 */
public final class UnixListener implements Closeable {

    private static final int MODE = 0600;

    private final Path path;
    private final Descriptor descriptor;

    private UnixListener(Path path, Descriptor descriptor) {
        this.path = path;
        this.descriptor = descriptor;
    }

    /**
     * Listens.
     *
     * @param path must not be there yet, at most 107 bytes
     * @param backlog how many may wait to be accepted
     * @throws LinuxException {@link Errno#EADDRINUSE} where the name is there; nothing is left then
     */
    public static UnixListener listen(Path path, UnixSocket.Type type, int backlog) throws LinuxException {
        Descriptor descriptor = UnixSocket.open(type, path.toString());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = SocketAddresses.unix(arena, "bind", path);
            descriptor.check("fchmod", fd -> SocketCalls.fchmod(fd, MODE));
            descriptor.check("bind", fd -> SocketCalls.bind(fd, address.address(), (int) address.byteSize()));
            descriptor.check("listen", fd -> SocketCalls.listen(fd, backlog));
            return new UnixListener(path, descriptor);
        } catch (LinuxException e) {
            descriptor.close();
            throw e;
        }
    }

    /** {@return the owner of the descriptor, readable while somebody waits to be accepted} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** {@return the name} */
    public Path path() {
        return path;
    }

    /**
     * {@return the next who connects; waits for them}
     *
     * @throws LinuxException {@link Errno#EINVAL} or {@link Errno#EBADF} once this was closed
     */
    public UnixSocket accept() throws LinuxException {
        long fd = descriptor.use(listening -> SocketCalls.accept4(listening, 0, 0, SocketCalls.SOCK_CLOEXEC));
        return UnixSocket.adopt(Descriptor.ofResult("accept", fd, path.toString()));
    }

    /** Stops listening, and takes the name away. Twice does no harm. */
    @Override
    public void close() throws IOException {
        if (!descriptor.isClosed()) {
            descriptor.use(fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_RDWR));
            descriptor.close();
            Files.deleteIfExists(path);
        }
    }
}
