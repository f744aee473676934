package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;

/** {@code ioctl(2)} and {@code syscall(2)}. */
public final class IoctlCalls {

    private static final MethodHandle IOCTL = LibC.bindVariadic("ioctl");
    private static final MethodHandle SYSCALL = LibC.bind("syscall");

    private IoctlCalls() {}

    /** A request whose argument is a number, or the address of memory that outlives the call. */
    public static long ioctl(int fd, long request, long argument) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) IOCTL.invokeExact(slot, (long) fd, request, argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** A request whose argument is memory of the calling thread. */
    public static long ioctl(int fd, long request, MemorySegment argument) {
        try {
            return ioctl(fd, request, argument.address());
        } finally {
            Reference.reachabilityFence(argument);
        }
    }

    /** A system call by its number; arguments that it does not take are ignored by the kernel. */
    public static long syscall(SystemCall call, long first, long second, long third) {
        MemorySegment slot = LibC.errnoSlot();
        long number = call.number();
        try {
            return LibC.resultOf((long) SYSCALL.invokeExact(slot, number, first, second, third, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
