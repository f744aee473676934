package dev.godwit.linux;

import dev.godwit.linux.calls.MessageCalls;
import dev.godwit.linux.calls.SocketCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;

/**
 * A connected TCP or unix socket that is read into and written from memory by its address, so that pages of a guest go
 * out and come in without a copy, also such as a userfaultfd has missing. Owns its descriptor; {@link IoVectors} work
 * on {@link #descriptor()}.
 *
 * <p>It blocks, in native code: its users are platform threads. One thread may write while another reads.
 * {@link #close()} may come from any thread and wakes both.
 */
public final class StreamSocket implements Closeable {

    private final Descriptor descriptor;

    private StreamSocket(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /**
     * Connects by TCP.
     *
     * @param address resolved
     * @throws LinuxException if nobody listens there or no way leads there; nothing is left open then
     */
    public static StreamSocket connect(InetSocketAddress address) throws LinuxException {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException(address + " is not resolved");
        }
        Descriptor descriptor = open(address);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = SocketAddresses.inet(arena, address);
            int length = (int) target.byteSize();
            long result = descriptor.useOnce(fd -> SocketCalls.connect(fd, target.address(), length));
            StreamSocket socket = new StreamSocket(descriptor);
            if (result == -Errno.EINTR.code()) { // it goes on by itself, and may not be asked for again
                Poll.writable(descriptor, Poll.FOREVER);
                result = -socket.option(SocketCalls.SOL_SOCKET, SocketCalls.SO_ERROR);
            }
            LinuxException.check("connect", result, descriptor);
            return socket;
        } catch (LinuxException e) {
            descriptor.close();
            throw e;
        }
    }

    /** {@return a unix socket's stream; closing one closes the other} */
    public static StreamSocket of(UnixSocket socket) {
        return adopt(socket.descriptor());
    }

    /** Takes over a connected socket, for example one that the parent process left. */
    public static StreamSocket adopt(Descriptor descriptor) {
        return new StreamSocket(descriptor);
    }

    static Descriptor open(InetSocketAddress address) throws LinuxException {
        int family = SocketAddresses.family(address.getAddress());
        int type = SocketCalls.SOCK_STREAM | SocketCalls.SOCK_CLOEXEC;
        return Descriptor.ofResult("socket", SocketCalls.socket(family, type, 0), "tcp " + address);
    }

    /** {@return the owner of the descriptor} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /**
     * Reads once, and waits while there is nothing.
     *
     * @param lengthBytes positive
     * @return how many bytes came, 0 where the other side has ended; or minus errno
     */
    public long read(long address, long lengthBytes) {
        return receive(address, lengthBytes, 0);
    }

    /** Reads without taking away: the next read brings the same bytes. Otherwise as {@link #read}. */
    public long peek(long address, long lengthBytes) {
        return receive(address, lengthBytes, MessageCalls.MSG_PEEK);
    }

    /** Reads once without waiting; minus {@link Errno#EAGAIN} where there is nothing. Otherwise as {@link #read}. */
    public long readNow(long address, long lengthBytes) {
        return receive(address, lengthBytes, MessageCalls.MSG_DONTWAIT);
    }

    private long receive(long address, long lengthBytes, int flags) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("the length " + lengthBytes + " is not positive");
        }
        int fd = descriptor.borrow();
        try {
            long result = fd;
            while (fd >= 0) {
                result = MessageCalls.recv(fd, address, lengthBytes, flags);
                if (result != -Errno.EINTR.code()) {
                    break;
                }
            }
            return result;
        } finally {
            descriptor.giveBack();
        }
    }

    /**
     * Reads until all is filled or the other side ends.
     *
     * @return how many bytes
     * @throws LinuxException if the connection broke; what came before is there, but nobody says how much it is
     */
    public long readAll(long address, long lengthBytes) throws LinuxException {
        long done = 0;
        while (done < lengthBytes) {
            long result = LinuxException.check("recv", read(address + done, lengthBytes - done), descriptor);
            if (result == 0) {
                break;
            }
            done += result;
        }
        return done;
    }

    /**
     * Writes all.
     *
     * @throws LinuxException if the connection broke ({@link Errno#EPIPE} without a signal); part may be sent then
     */
    public void writeAll(long address, long lengthBytes) throws LinuxException {
        long done = 0;
        while (done < lengthBytes) {
            long from = address + done;
            long rest = lengthBytes - done;
            done += descriptor.check("send", fd -> MessageCalls.send(fd, from, rest, MessageCalls.MSG_NOSIGNAL));
        }
    }

    /** Sends small writes at once instead of gathering them; of TCP only. */
    public void noDelay(boolean on) throws LinuxException {
        option(SocketCalls.IPPROTO_TCP, SocketCalls.TCP_NODELAY, on ? 1 : 0);
    }

    /** Asks for a send buffer; the kernel doubles the number and keeps within its limits. */
    public void sendBufferBytes(int bytes) throws LinuxException {
        option(SocketCalls.SOL_SOCKET, SocketCalls.SO_SNDBUF, bytes);
    }

    /** {@return the send buffer that the kernel gave} */
    public int sendBufferBytes() throws LinuxException {
        return option(SocketCalls.SOL_SOCKET, SocketCalls.SO_SNDBUF);
    }

    /** Asks for a receive buffer; the kernel doubles the number and keeps within its limits. */
    public void receiveBufferBytes(int bytes) throws LinuxException {
        option(SocketCalls.SOL_SOCKET, SocketCalls.SO_RCVBUF, bytes);
    }

    /** {@return the receive buffer that the kernel gave} */
    public int receiveBufferBytes() throws LinuxException {
        return option(SocketCalls.SOL_SOCKET, SocketCalls.SO_RCVBUF);
    }

    private void option(int level, int name, int value) throws LinuxException {
        descriptor.check("setsockopt", fd -> SocketOptions.set(fd, level, name, value));
    }

    private int option(int level, int name) throws LinuxException {
        return (int) descriptor.check("getsockopt", fd -> SocketOptions.get(fd, level, name));
    }

    /** Says that nothing more will be written; the other side sees the end. */
    public void shutdownOutput() throws LinuxException {
        descriptor.check("shutdown", fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_WR));
    }

    /** Ends the reading: whoever reads sees the end. */
    public void shutdownInput() throws LinuxException {
        descriptor.check("shutdown", fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_RD));
    }

    /** Ends both directions, which wakes whoever waits, and closes the descriptor. */
    @Override
    public void close() {
        descriptor.use(fd -> SocketCalls.shutdown(fd, SocketCalls.SHUT_RDWR));
        descriptor.close();
    }
}
