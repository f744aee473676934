package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
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
    public static final int IPPROTO_TCP = 6;
    public static final int TCP_NODELAY = 1;
    public static final int IPPROTO_IPV6 = 41;
    public static final int IPV6_V6ONLY = 26;
    public static final int SHUT_RD = 0;
    public static final int SHUT_WR = 1;
    public static final int SHUT_RDWR = 2;

    private static final MethodHandle SOCKET =
            LibC.bind("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle SOCKETPAIR = LibC.bind(
            "socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle BIND =
            LibC.bind("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle CONNECT =
            LibC.bind("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle LISTEN =
            LibC.bind("listen", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle ACCEPT4 =
            LibC.bind("accept4", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle GETSOCKNAME =
            LibC.bind("getsockname", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle GETSOCKOPT = LibC.bind(
            "getsockopt",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG),
            LibC.ERRNO);
    private static final MethodHandle SETSOCKOPT = LibC.bind(
            "setsockopt",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT),
            LibC.ERRNO);
    private static final MethodHandle FCHMOD =
            LibC.bind("fchmod", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle SHUTDOWN =
            LibC.bind("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);

    private SocketCalls() {}

    public static long socket(int family, int type, int protocol) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) SOCKET.invokeExact(slot, family, type, protocol), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long socketpair(int family, int type, int protocol, long descriptors) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) SOCKETPAIR.invokeExact(slot, family, type, protocol, descriptors), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long bind(int fd, long address, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) BIND.invokeExact(slot, fd, address, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long connect(int fd, long address, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) CONNECT.invokeExact(slot, fd, address, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long listen(int fd, int backlog) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) LISTEN.invokeExact(slot, fd, backlog), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long accept4(int fd, long address, long length, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) ACCEPT4.invokeExact(slot, fd, address, length, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getsockname(int fd, long address, long length) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) GETSOCKNAME.invokeExact(slot, fd, address, length), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getsockopt(int fd, int level, int name, long value, long length) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) GETSOCKOPT.invokeExact(slot, fd, level, name, value, length), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long setsockopt(int fd, int level, int name, long value, int lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) SETSOCKOPT.invokeExact(slot, fd, level, name, value, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long shutdown(int fd, int how) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) SHUTDOWN.invokeExact(slot, fd, how), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Before the bind: the mode of the name that the bind makes. */
    public static long fchmod(int fd, int mode) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FCHMOD.invokeExact(slot, fd, mode), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
