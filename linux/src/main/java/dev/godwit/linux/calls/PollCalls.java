package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code poll(2)}. */
public final class PollCalls {

    public static final int POLLIN = 1;
    public static final int POLLOUT = 4;
    public static final int POLLERR = 8;
    public static final int POLLHUP = 0x10;

    private static final MethodHandle POLL =
            LibC.bind("poll", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT), LibC.ERRNO);

    private PollCalls() {}

    public static long poll(long descriptors, long count, int timeoutMs) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) POLL.invokeExact(slot, descriptors, count, timeoutMs), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
