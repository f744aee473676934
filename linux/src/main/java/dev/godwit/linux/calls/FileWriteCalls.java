package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The calls that change files. */
public final class FileWriteCalls {

    public static final int FALLOC_FL_KEEP_SIZE = 1;
    public static final int FALLOC_FL_PUNCH_HOLE = 2;
    public static final int LOCK_EX = 2;
    public static final int LOCK_NB = 4;

    public static final int POSIX_FADV_DONTNEED = 4;

    private static final MethodHandle PWRITE =
            LibC.bind("pwrite", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle FALLOCATE = LibC.bind(
            "fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle FTRUNCATE =
            LibC.bind("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle FDATASYNC =
            LibC.bind("fdatasync", FunctionDescriptor.of(JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle FSYNC = LibC.bind("fsync", FunctionDescriptor.of(JAVA_INT, JAVA_INT), LibC.ERRNO);
    private static final MethodHandle FLOCK =
            LibC.bind("flock", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), LibC.ERRNO);

    private static final MethodHandle POSIX_FADVISE =
            LibC.bind("posix_fadvise", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

    private FileWriteCalls() {}

    /** Answers minus the error: unlike its neighbours posix_fadvise returns it, and leaves errno alone. */
    public static long dropCache(int fd) {
        try {
            return -(int) POSIX_FADVISE.invokeExact(fd, 0L, 0L, POSIX_FADV_DONTNEED);
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

    public static long punchHole(int fd, long positionBytes, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        try {
            return LibC.resultOf((int) FALLOCATE.invokeExact(slot, fd, mode, positionBytes, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long ftruncate(int fd, long lengthBytes) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FTRUNCATE.invokeExact(slot, fd, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long fdatasync(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FDATASYNC.invokeExact(slot, fd), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long fsync(int fd) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FSYNC.invokeExact(slot, fd), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long flock(int fd, int operation) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) FLOCK.invokeExact(slot, fd, operation), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
