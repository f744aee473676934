package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code close(2)}, which every owner needs. */
public final class CloseCalls {

    private static final MethodHandle CLOSE = LibC.bind("close");

    private CloseCalls() {}

    public static long close(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) CLOSE.invokeExact(slot, (long) fd, 0L, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
