package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.calls.CloseCalls;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.PollCalls;
import dev.godwit.linux.calls.SocketCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A connected stream socket that this process was started with, by the number of its descriptor, which it owns from
 * then on. Reads and writes block, whatever mode the socket is in.
 *
 * <p>One thread may read while another writes. {@link #close()} may come at any time: it shuts the connection down,
 * which ends a call under way, and the last call closes the descriptor. A blocked call holds its thread in native code:
 * use platform threads for more than one or two.
 */
public final class DescriptorStream implements ByteChannel {

    private static final int CLOSED = 1 << 30;
    private static final int RELEASED = 1 << 29;

    /** At most this much goes through a copy at once, of a buffer that is not native. */
    private static final int PIECE_BYTES = 256 << 10;

    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int SHUT_RD = 0;
    private static final int SHUT_WR = 1;
    private static final int SHUT_RDWR = 2;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;

    private static final MethodHandle RECV =
            LibC.bind("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle SEND =
            LibC.bind("send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT), LibC.ERRNO);

    private final int fd;
    /** Calls under way, plus CLOSED once close was called, plus RELEASED once the descriptor is gone. */
    private final AtomicInteger users = new AtomicInteger();

    private DescriptorStream(int fd) {
        this.fd = fd;
    }

    /**
     * Takes a descriptor over.
     *
     * @param fd of a connected stream socket
     */
    public static DescriptorStream ofSocket(int fd) {
        return new DescriptorStream(fd);
    }

    @Override
    public int read(ByteBuffer target) throws ClosedChannelException, LinuxException {
        if (!target.hasRemaining()) {
            return 0;
        }
        if (target.isDirect()) {
            int length = receive(MemorySegment.ofBuffer(target));
            target.position(target.position() + Math.max(0, length));
            return length;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(Math.min(PIECE_BYTES, target.remaining()));
            int length = receive(copy);
            if (length > 0) {
                target.put(copy.asSlice(0, length).asByteBuffer());
            }
            return length;
        }
    }

    private int receive(MemorySegment target) throws ClosedChannelException, LinuxException {
        long result = transfer(RECV, target, POLLIN, "recv");
        return result == 0 ? -1 : (int) result;
    }

    @Override
    public int write(ByteBuffer source) throws ClosedChannelException, LinuxException {
        int start = source.position();
        if (source.isDirect()) {
            while (source.hasRemaining()) {
                long sent = transfer(SEND, MemorySegment.ofBuffer(source), POLLOUT, "send");
                source.position(source.position() + (int) sent);
            }
            return source.position() - start;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(Math.clamp(source.remaining(), 1, PIECE_BYTES));
            while (source.hasRemaining()) {
                int length = (int) Math.min(copy.byteSize(), source.remaining());
                MemorySegment piece = copy.asSlice(0, length);
                piece.copyFrom(MemorySegment.ofBuffer(source).asSlice(0, length));
                long sent = transfer(SEND, piece, POLLOUT, "send");
                source.position(source.position() + (int) sent);
            }
        }
        return source.position() - start;
    }

    /** Makes the call until it has an answer; a socket that does not block is waited for. */
    private long transfer(MethodHandle call, MemorySegment bytes, short event, String name)
            throws ClosedChannelException, LinuxException {
        enter();
        try {
            while (true) {
                long result = invoke(call, bytes);
                if ((users.get() & CLOSED) != 0) {
                    throw new ClosedChannelException();
                }
                if (result == -Errno.EAGAIN.code()) {
                    await(event);
                } else if (result != -Errno.EINTR.code()) {
                    return check(name, result);
                }
            }
        } finally {
            leave();
        }
    }

    private long invoke(MethodHandle call, MemorySegment bytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) call.invokeExact(slot, fd, bytes, bytes.byteSize(), MSG_NOSIGNAL), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private void await(short event) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pollfd = arena.allocate(8, 4);
            pollfd.set(JAVA_INT, 0, fd);
            pollfd.set(JAVA_SHORT, 4, event);
            long result = PollCalls.poll(pollfd.address(), 1, -1);
            if (result != -Errno.EINTR.code()) {
                check("poll", result);
            }
        }
    }

    /** {@return whether it is a unix socket, not one of TCP} */
    public boolean isUnix() throws ClosedChannelException, LinuxException {
        enter();
        try {
            long domain = SocketOptions.get(fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_DOMAIN);
            return check("getsockopt", domain) == SocketCalls.AF_UNIX;
        } finally {
            leave();
        }
    }

    /** Asks for a send buffer; the kernel doubles the number and keeps within its limits. */
    public void sendBufferBytes(int bytes) throws ClosedChannelException, LinuxException {
        enter();
        try {
            check("setsockopt", SocketOptions.set(fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_SNDBUF, bytes));
        } finally {
            leave();
        }
    }

    /** Ends the input: a read under way, and every later one, finds the end once what has come is read. */
    public void shutdownInput() throws ClosedChannelException, LinuxException {
        shutdownChecked(SHUT_RD);
    }

    /** Ends the output: the other side finds the end once it has read everything. */
    public void shutdownOutput() throws ClosedChannelException, LinuxException {
        shutdownChecked(SHUT_WR);
    }

    private void shutdownChecked(int how) throws ClosedChannelException, LinuxException {
        enter();
        try {
            check("shutdown", SocketCalls.shutdown(fd, how));
        } finally {
            leave();
        }
    }

    @Override
    public boolean isOpen() {
        return (users.get() & CLOSED) == 0;
    }

    /** Shuts the connection down and gives the descriptor back. Twice does no harm. */
    @Override
    public void close() {
        // Counted as a call under way from the start, so that the descriptor is not yet another's when it is shut down.
        int before = users.getAndUpdate(state -> (state & CLOSED) != 0 ? state : (state | CLOSED) + 1);
        if ((before & CLOSED) == 0) {
            long _ = SocketCalls.shutdown(fd, SHUT_RDWR);
            leave();
        }
    }

    private void enter() throws ClosedChannelException {
        if ((users.incrementAndGet() & CLOSED) != 0) {
            leave();
            throw new ClosedChannelException();
        }
    }

    private void leave() {
        if (users.decrementAndGet() == CLOSED && users.compareAndSet(CLOSED, CLOSED | RELEASED)) {
            CloseCalls.close(fd);
        }
    }

    private long check(String call, long result) throws LinuxException {
        if (result < 0) {
            throw new LinuxException(call, new Errno((int) -result), "on descriptor " + fd);
        }
        return result;
    }
}
