package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code clock_gettime(2)}. */
public final class ClockCalls {

    public static final int CLOCK_PROCESS_CPUTIME_ID = 2;

    private static final MethodHandle CLOCK_GETTIME =
            LibC.bind("clock_gettime", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG), LibC.ERRNO);

    private ClockCalls() {}

    /** Reads a clock into a {@code struct timespec} at an address. */
    public static long clockGettime(int clock, long time) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) CLOCK_GETTIME.invokeExact(slot, clock, time), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
