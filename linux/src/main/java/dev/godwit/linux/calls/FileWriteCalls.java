package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The calls that change files. */
public final class FileWriteCalls {

    public static final int FALLOC_FL_KEEP_SIZE = 1;
    public static final int FALLOC_FL_PUNCH_HOLE = 2;
    public static final int LOCK_EX = 2;
    public static final int LOCK_NB = 4;

    public static final int POSIX_FADV_WILLNEED = 3;
    public static final int POSIX_FADV_DONTNEED = 4;

    private static final MethodHandle FALLOCATE = LibC.bind("fallocate");
    private static final MethodHandle FTRUNCATE = LibC.bind("ftruncate");
    private static final MethodHandle FDATASYNC = LibC.bind("fdatasync");
    private static final MethodHandle FSYNC = LibC.bind("fsync");
    private static final MethodHandle FLOCK = LibC.bind("flock");

    private static final MethodHandle POSIX_FADVISE = LibC.bind("posix_fadvise");

    private FileWriteCalls() {}

    /** Answers minus the error: unlike its neighbours posix_fadvise returns it, and leaves errno alone. */
    public static long fadvise(int fd, long positionBytes, long lengthBytes, int advice) {
        try {
            return -(int) (long) POSIX_FADVISE.invokeExact(
                    LibC.errnoSlot(), (long) fd, positionBytes, lengthBytes, (long) advice, 0L, 0L);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long punchHole(int fd, long positionBytes, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        try {
            return LibC.intResultOf(
                    (long) FALLOCATE.invokeExact(slot, (long) fd, (long) mode, positionBytes, lengthBytes, 0L, 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long ftruncate(int fd, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FTRUNCATE.invokeExact(slot, (long) fd, lengthBytes, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long fdatasync(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FDATASYNC.invokeExact(slot, (long) fd, 0L, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long fsync(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FSYNC.invokeExact(slot, (long) fd, 0L, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long flock(int fd, int operation) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) FLOCK.invokeExact(slot, (long) fd, (long) operation, 0L, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
