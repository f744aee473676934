package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing of several pieces of memory at once. */
public final class VectorCalls {

    public static final int IOV_MAX = 1024;

    private static final MethodHandle READV =
            LibC.bind("readv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle WRITEV =
            LibC.bind("writev", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle PREADV =
            LibC.bind("preadv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle PWRITEV = LibC.bind(
            "pwritev", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG), LibC.ERRNO);

    private VectorCalls() {}

    public static long readv(int fd, long vectors, int count) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) READV.invokeExact(slot, fd, vectors, count), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long writev(int fd, long vectors, int count) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) WRITEV.invokeExact(slot, fd, vectors, count), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long preadv(int fd, long vectors, int count, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) PREADV.invokeExact(slot, fd, vectors, count, positionBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long pwritev(int fd, long vectors, int count, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) PWRITEV.invokeExact(slot, fd, vectors, count, positionBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
