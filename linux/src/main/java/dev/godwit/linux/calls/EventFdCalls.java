package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code eventfd(2)}. */
public final class EventFdCalls {

    public static final int EFD_CLOEXEC = 02000000;
    public static final int EFD_NONBLOCK = 04000;

    private static final MethodHandle EVENTFD = LibC.bind("eventfd");

    private EventFdCalls() {}

    public static long eventfd(int initial, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) EVENTFD.invokeExact(slot, (long) initial, (long) flags, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
