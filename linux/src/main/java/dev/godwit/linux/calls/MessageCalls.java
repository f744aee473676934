package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Sending and receiving through sockets. */
public final class MessageCalls {

    public static final int MSG_PEEK = 2;
    public static final int MSG_CTRUNC = 8;
    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_WAITALL = 0x100;
    public static final int MSG_NOSIGNAL = 0x4000;
    public static final int MSG_CMSG_CLOEXEC = 0x40000000;
    public static final int SCM_RIGHTS = 1;
    public static final int SCM_MAX_FD = 253;

    private static final MethodHandle SENDMSG = LibC.bind("sendmsg");
    private static final MethodHandle RECVMSG = LibC.bind("recvmsg");
    private static final MethodHandle RECV = LibC.bind("recv");
    private static final MethodHandle SEND = LibC.bind("send");

    private MessageCalls() {}

    public static long sendmsg(int fd, long message, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) SENDMSG.invokeExact(slot, (long) fd, message, (long) flags, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long recvmsg(int fd, long message, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) RECVMSG.invokeExact(slot, (long) fd, message, (long) flags, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long recv(int fd, long target, long lengthBytes, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) RECV.invokeExact(slot, (long) fd, target, lengthBytes, (long) flags, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long send(int fd, long source, long lengthBytes, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) SEND.invokeExact(slot, (long) fd, source, lengthBytes, (long) flags, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
