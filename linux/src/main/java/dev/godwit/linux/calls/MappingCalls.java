package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The calls that make, change and take away mappings. Addresses are numbers. */
public final class MappingCalls {

    public static final int PROT_NONE = 0;
    public static final int PROT_READ = 1;
    public static final int PROT_WRITE = 2;
    public static final int MAP_SHARED = 1;
    public static final int MAP_PRIVATE = 2;
    public static final int MAP_FIXED = 0x10;
    public static final int MAP_ANONYMOUS = 0x20;
    public static final int MAP_NORESERVE = 0x4000;
    public static final int MAP_HUGETLB = 0x40000;
    public static final int MAP_HUGE_SHIFT = 26;

    private static final MethodHandle MMAP = LibC.bind("mmap");
    private static final MethodHandle MUNMAP = LibC.bind("munmap");
    private static final MethodHandle MPROTECT = LibC.bind("mprotect");
    private static final MethodHandle MADVISE = LibC.bind("madvise");
    private static final MethodHandle MLOCK = LibC.bind("mlock");
    private static final MethodHandle MUNLOCK = LibC.bind("munlock");

    private MappingCalls() {}

    public static long mmap(long address, long lengthBytes, int protection, int flags, int fd, long offsetBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) MMAP.invokeExact(
                            slot, address, lengthBytes, (long) protection, (long) flags, (long) fd, offsetBytes),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long munmap(long address, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) MUNMAP.invokeExact(slot, address, lengthBytes, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long mprotect(long address, long lengthBytes, int protection) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) MPROTECT.invokeExact(slot, address, lengthBytes, (long) protection, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long madvise(long address, long lengthBytes, int advice) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) MADVISE.invokeExact(slot, address, lengthBytes, (long) advice, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long mlock(long address, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) MLOCK.invokeExact(slot, address, lengthBytes, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long munlock(long address, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) MUNLOCK.invokeExact(slot, address, lengthBytes, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
