package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;

/** {@code memfd_create(2)}. */
public final class MemfdCalls {

    public static final int MFD_CLOEXEC = 1;
    public static final int MFD_ALLOW_SEALING = 2;
    public static final int MFD_HUGETLB = 4;

    private static final MethodHandle MEMFD_CREATE = LibC.bind("memfd_create");

    private MemfdCalls() {}

    public static long memfdCreate(MemorySegment name, int flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) MEMFD_CREATE.invokeExact(slot, name.address(), (long) flags, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        } finally {
            Reference.reachabilityFence(name);
        }
    }
}
