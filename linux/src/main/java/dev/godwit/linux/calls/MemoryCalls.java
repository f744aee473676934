package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/**
 * libc on memory, as ordinary downcalls: a thread in them does not keep a collection from starting, and so may wait for
 * a page.
 */
public final class MemoryCalls {

    private static final MethodHandle MEMCPY =
            LibC.bind("memcpy", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MEMMOVE =
            LibC.bind("memmove", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MEMSET =
            LibC.bind("memset", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MEMCMP =
            LibC.bind("memcmp", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));

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
            return (long) MEMSET.invokeExact(target, value, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long memcmp(long left, long right, long lengthBytes) {
        try {
            return (int) MEMCMP.invokeExact(left, right, lengthBytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
