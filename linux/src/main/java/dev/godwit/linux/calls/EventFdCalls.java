package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code eventfd(2)}. */
public final class EventFdCalls {

    public static final int EFD_CLOEXEC = 02000000;
    public static final int EFD_NONBLOCK = 04000;

    private static final MethodHandle EVENTFD =
            LibC.bind("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);

    private EventFdCalls() {}

    public static long eventfd(int initial, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) EVENTFD.invokeExact(slot, initial, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
