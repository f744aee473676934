package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code close(2)}, which every owner needs. */
public final class CloseCalls {

    private static final MethodHandle CLOSE = LibC.bind("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT), LibC.ERRNO);

    private CloseCalls() {}

    public static long close(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) CLOSE.invokeExact(slot, fd), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
