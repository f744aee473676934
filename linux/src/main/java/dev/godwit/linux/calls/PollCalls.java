package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code poll(2)}. */
public final class PollCalls {

    public static final int POLLIN = 1;
    public static final int POLLOUT = 4;
    public static final int POLLERR = 8;
    public static final int POLLHUP = 0x10;

    private static final MethodHandle POLL = LibC.bind("poll");

    private PollCalls() {}

    public static long poll(long descriptors, long count, int timeoutMs) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) POLL.invokeExact(slot, descriptors, count, (long) timeoutMs, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
