package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code ioctl(2)} and {@code syscall(2)}: what the probes need. */
final class IoctlCalls {

    private static final MethodHandle IOCTL = LibC.bind(
            "ioctl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
            LibC.ERRNO,
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle SYSCALL = LibC.bind(
            "syscall",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG),
            LibC.ERRNO,
            Linker.Option.firstVariadicArg(1));

    private IoctlCalls() {}

    static long ioctl(int fd, long request, MemorySegment argument) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) IOCTL.invokeExact(slot, fd, request, argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static long syscall(long number, long argument) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) SYSCALL.invokeExact(slot, number, argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
