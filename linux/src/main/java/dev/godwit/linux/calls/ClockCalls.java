package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code clock_gettime(2)}. */
public final class ClockCalls {

    public static final int CLOCK_PROCESS_CPUTIME_ID = 2;

    private static final MethodHandle CLOCK_GETTIME = LibC.bind("clock_gettime");

    private ClockCalls() {}

    /** Reads a clock into a {@code struct timespec} at an address. */
    public static long clockGettime(int clock, long time) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) CLOCK_GETTIME.invokeExact(slot, (long) clock, time, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
