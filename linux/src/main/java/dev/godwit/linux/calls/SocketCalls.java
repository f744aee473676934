package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Sockets: making, connecting, ending them. */
public final class SocketCalls {

    public static final int AF_UNIX = 1;
    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int SOCK_STREAM = 1;
    public static final int SOCK_SEQPACKET = 5;
    public static final int SOCK_CLOEXEC = 02000000;
    public static final int SOCK_NONBLOCK = 04000;
    public static final int SOL_SOCKET = 1;
    public static final int SO_REUSEADDR = 2;
    public static final int SO_ERROR = 4;
    public static final int SO_SNDBUF = 7;
    public static final int SO_RCVBUF = 8;
    public static final int SO_KEEPALIVE = 9;
    public static final int SO_PEERCRED = 17;
    public static final int SO_DOMAIN = 39;
    public static final int IPPROTO_TCP = 6;
    public static final int TCP_NODELAY = 1;
    public static final int IPPROTO_IPV6 = 41;
    public static final int IPV6_V6ONLY = 26;
    public static final int SHUT_RD = 0;
    public static final int SHUT_WR = 1;
    public static final int SHUT_RDWR = 2;

    private static final MethodHandle SOCKET = LibC.bind("socket");
    private static final MethodHandle SOCKETPAIR = LibC.bind("socketpair");
    private static final MethodHandle BIND = LibC.bind("bind");
    private static final MethodHandle CONNECT = LibC.bind("connect");
    private static final MethodHandle LISTEN = LibC.bind("listen");
    private static final MethodHandle ACCEPT4 = LibC.bind("accept4");
    private static final MethodHandle GETSOCKNAME = LibC.bind("getsockname");
    private static final MethodHandle GETSOCKOPT = LibC.bind("getsockopt");
    private static final MethodHandle SETSOCKOPT = LibC.bind("setsockopt");
    private static final MethodHandle FCHMOD = LibC.bind("fchmod");
    private static final MethodHandle SHUTDOWN = LibC.bind("shutdown");

    private SocketCalls() {}

    public static long socket(int family, int type, int protocol) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) SOCKET.invokeExact(slot, (long) family, (long) type, (long) protocol, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long socketpair(int family, int type, int protocol, long descriptors) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) SOCKETPAIR.invokeExact(
                            slot, (long) family, (long) type, (long) protocol, descriptors, 0L, 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long bind(int fd, long address, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) BIND.invokeExact(slot, (long) fd, address, (long) lengthBytes, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long connect(int fd, long address, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) CONNECT.invokeExact(slot, (long) fd, address, (long) lengthBytes, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long listen(int fd, int backlog) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) LISTEN.invokeExact(slot, (long) fd, (long) backlog, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long accept4(int fd, long address, long length, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) ACCEPT4.invokeExact(slot, (long) fd, address, length, (long) flags, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getsockname(int fd, long address, long length) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) GETSOCKNAME.invokeExact(slot, (long) fd, address, length, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getsockopt(int fd, int level, int name, long value, long length) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) GETSOCKOPT.invokeExact(slot, (long) fd, (long) level, (long) name, value, length, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long setsockopt(int fd, int level, int name, long value, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) SETSOCKOPT.invokeExact(
                            slot, (long) fd, (long) level, (long) name, value, (long) lengthBytes, 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long shutdown(int fd, int how) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) SHUTDOWN.invokeExact(slot, (long) fd, (long) how, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Before the bind: the mode of the name that the bind makes. */
    public static long fchmod(int fd, int mode) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FCHMOD.invokeExact(slot, (long) fd, (long) mode, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
