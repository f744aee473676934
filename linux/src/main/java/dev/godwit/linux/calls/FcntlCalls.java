package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code fcntl(2)}: copies of descriptors, seals of memory files. */
public final class FcntlCalls {

    public static final int F_GETFL = 3;
    public static final int F_SETFL = 4;
    public static final int F_DUPFD_CLOEXEC = 1030;
    public static final int F_ADD_SEALS = 1033;
    public static final int F_GET_SEALS = 1034;
    public static final int F_SEAL_SEAL = 1;
    public static final int F_SEAL_SHRINK = 2;
    public static final int F_SEAL_GROW = 4;
    public static final int F_SEAL_WRITE = 8;
    public static final int F_SEAL_FUTURE_WRITE = 0x10;

    private static final MethodHandle FCNTL = LibC.bindVariadic("fcntl");

    private FcntlCalls() {}

    public static long fcntl(int fd, int command, int argument) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FCNTL.invokeExact(slot, (long) fd, (long) command, (long) argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
