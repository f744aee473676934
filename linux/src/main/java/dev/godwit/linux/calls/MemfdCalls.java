package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code memfd_create(2)}. */
public final class MemfdCalls {

    public static final int MFD_CLOEXEC = 1;
    public static final int MFD_ALLOW_SEALING = 2;
    public static final int MFD_HUGETLB = 4;

    private static final MethodHandle MEMFD_CREATE =
            LibC.bind("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), LibC.ERRNO);

    private MemfdCalls() {}

    public static long memfdCreate(MemorySegment name, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) MEMFD_CREATE.invokeExact(slot, name, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
