package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing of several pieces of memory at once. */
public final class VectorCalls {

    public static final int IOV_MAX = 1024;

    private static final MethodHandle READV = LibC.bind("readv");
    private static final MethodHandle WRITEV = LibC.bind("writev");
    private static final MethodHandle PREADV = LibC.bind("preadv");
    private static final MethodHandle PWRITEV = LibC.bind("pwritev");

    private VectorCalls() {}

    public static long readv(int fd, long vectors, int count) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) READV.invokeExact(slot, (long) fd, vectors, (long) count, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long writev(int fd, long vectors, int count) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) WRITEV.invokeExact(slot, (long) fd, vectors, (long) count, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long preadv(int fd, long vectors, int count, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PREADV.invokeExact(slot, (long) fd, vectors, (long) count, positionBytes, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long pwritev(int fd, long vectors, int count, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PWRITEV.invokeExact(slot, (long) fd, vectors, (long) count, positionBytes, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
