package dev.godwit.linux.calls;

import java.lang.invoke.MethodHandle;

/**
 * libc on memory, as ordinary downcalls: a thread in them does not keep a collection from starting, and so may wait for
 * a page.
 */
public final class MemoryCalls {

    private static final MethodHandle MEMCPY = LibC.bindPlain("memcpy");
    private static final MethodHandle MEMMOVE = LibC.bindPlain("memmove");
    private static final MethodHandle MEMSET = LibC.bindPlain("memset");
    private static final MethodHandle MEMCMP = LibC.bindPlain("memcmp");

    private MemoryCalls() {}

    public static long memcpy(long target, long source, long lengthBytes) {
        try {
            return (long) MEMCPY.invokeExact(target, source, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long memmove(long target, long source, long lengthBytes) {
        try {
            return (long) MEMMOVE.invokeExact(target, source, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long memset(long target, int value, long lengthBytes) {
        try {
            return (long) MEMSET.invokeExact(target, (long) value, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long memcmp(long left, long right, long lengthBytes) {
        try {
            return (int) (long) MEMCMP.invokeExact(left, right, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
