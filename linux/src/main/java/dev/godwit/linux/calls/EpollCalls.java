package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code epoll(7)}. */
public final class EpollCalls {

    public static final int EPOLL_CLOEXEC = 02000000;
    public static final int EPOLL_CTL_ADD = 1;
    public static final int EPOLL_CTL_DEL = 2;
    public static final int EPOLL_CTL_MOD = 3;
    public static final int EPOLLIN = 1;
    public static final int EPOLLOUT = 4;
    public static final int EPOLLERR = 8;
    public static final int EPOLLHUP = 0x10;
    public static final int EPOLLRDHUP = 0x2000;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int EPOLLET = 1 << 31;

    private static final MethodHandle EPOLL_CREATE =
            LibC.bind("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle EPOLL_CTL = LibC.bind(
            "epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle EPOLL_WAIT = LibC.bind(
            "epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT), LibC.ERRNO);

    private EpollCalls() {}

    public static long epollCreate(int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) EPOLL_CREATE.invokeExact(slot, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long epollCtl(int fd, int operation, int target, long event) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) EPOLL_CTL.invokeExact(slot, fd, operation, target, event), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long epollWait(int fd, long events, int capacity, int timeoutMs) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) EPOLL_WAIT.invokeExact(slot, fd, events, capacity, timeoutMs), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
