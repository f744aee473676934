package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Reading and writing at a place of a file; the memory stays alive for as long as a call takes. */
public final class PositionalCalls {

    private static final FunctionDescriptor SHAPE =
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PREAD = LibC.bind("pread", SHAPE, LibC.ERRNO);
    private static final MethodHandle PWRITE = LibC.bind("pwrite", SHAPE, LibC.ERRNO);

    private PositionalCalls() {}

    public static long pread(int fd, MemorySegment target, long lengthBytes, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) PREAD.invokeExact(slot, fd, target, lengthBytes, positionBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long pwrite(int fd, MemorySegment source, long lengthBytes, long positionBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((long) PWRITE.invokeExact(slot, fd, source, lengthBytes, positionBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
