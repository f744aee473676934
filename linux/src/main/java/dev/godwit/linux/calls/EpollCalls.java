package dev.godwit.linux.calls;

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

    private static final MethodHandle EPOLL_CREATE = LibC.bind("epoll_create1");
    private static final MethodHandle EPOLL_CTL = LibC.bind("epoll_ctl");
    private static final MethodHandle EPOLL_WAIT = LibC.bind("epoll_wait");

    private EpollCalls() {}

    public static long epollCreate(int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) EPOLL_CREATE.invokeExact(slot, (long) flags, 0L, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long epollCtl(int fd, int operation, int target, long event) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) EPOLL_CTL.invokeExact(slot, (long) fd, (long) operation, (long) target, event, 0L, 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long epollWait(int fd, long events, int capacity, int timeoutMs) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) EPOLL_WAIT.invokeExact(slot, (long) fd, events, (long) capacity, (long) timeoutMs, 0L, 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
