package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
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

    private static final MethodHandle FCNTL = LibC.bind(
            "fcntl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
            LibC.ERRNO,
            Linker.Option.firstVariadicArg(2));

    private FcntlCalls() {}

    public static long fcntl(int fd, int command, int argument) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FCNTL.invokeExact(slot, fd, command, argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
