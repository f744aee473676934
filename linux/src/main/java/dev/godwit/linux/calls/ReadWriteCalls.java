package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing where a descriptor stands. */
public final class ReadWriteCalls {

    private static final MethodHandle READ = LibC.bind("read");
    private static final MethodHandle WRITE = LibC.bind("write");

    private ReadWriteCalls() {}

    public static long read(int fd, long target, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) READ.invokeExact(slot, (long) fd, target, lengthBytes, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long write(int fd, long source, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) WRITE.invokeExact(slot, (long) fd, source, lengthBytes, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
