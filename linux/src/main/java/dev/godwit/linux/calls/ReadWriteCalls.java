package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing where a descriptor stands. */
public final class ReadWriteCalls {

    private static final MethodHandle READ =
            LibC.bind("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle WRITE =
            LibC.bind("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG), LibC.ERRNO);

    private ReadWriteCalls() {}

    public static long read(int fd, long target, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) READ.invokeExact(slot, fd, target, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long write(int fd, long source, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) WRITE.invokeExact(slot, fd, source, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
