package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;

/** The calls that open and read files. */
public final class FileCalls {

    public static final int O_RDONLY = 0;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0100;
    public static final int O_EXCL = 0200;
    public static final int O_DIRECT = Architecture.choose(040000, 0200000);
    public static final int O_TMPFILE = Architecture.choose(020200000, 020040000);
    public static final int O_CLOEXEC = 02000000;
    public static final int SEEK_DATA = 3;
    public static final int SEEK_HOLE = 4;
    public static final int AT_EMPTY_PATH = 0x1000;
    public static final int STATX_BASIC_STATS = 0x7ff;

    /** The fields of {@code struct statx} of {@code linux/stat.h} that are read here, at their places. */
    public static final StructLayout STATX_LAYOUT = MemoryLayout.structLayout(
                    JAVA_INT.withName("stx_mask"),
                    JAVA_INT.withName("stx_blksize"),
                    JAVA_LONG.withName("stx_attributes"),
                    JAVA_INT.withName("stx_nlink"),
                    MemoryLayout.paddingLayout(12),
                    JAVA_LONG.withName("stx_ino"),
                    JAVA_LONG.withName("stx_size"),
                    JAVA_LONG.withName("stx_blocks"),
                    MemoryLayout.paddingLayout(200))
            .withName("statx");

    public static final long STX_NLINK = STATX_LAYOUT.byteOffset(PathElement.groupElement("stx_nlink"));
    public static final long STX_INO = STATX_LAYOUT.byteOffset(PathElement.groupElement("stx_ino"));
    public static final long STX_SIZE = STATX_LAYOUT.byteOffset(PathElement.groupElement("stx_size"));
    public static final long STX_BLOCKS = STATX_LAYOUT.byteOffset(PathElement.groupElement("stx_blocks"));

    private static final MethodHandle OPEN = LibC.bindVariadic("open");
    private static final MethodHandle LSEEK = LibC.bind("lseek");
    private static final MethodHandle STATX = LibC.bind("statx");

    private FileCalls() {}

    public static long open(MemorySegment path, int flags, int mode) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf((long) OPEN.invokeExact(slot, path.address(), (long) flags, (long) mode), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        } finally {
            Reference.reachabilityFence(path);
        }
    }

    public static long lseek(int fd, long offsetBytes, int whence) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) LSEEK.invokeExact(slot, (long) fd, offsetBytes, (long) whence, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long statx(int folder, MemorySegment path, int flags, int mask, MemorySegment target) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) STATX.invokeExact(
                            slot, (long) folder, path.address(), (long) flags, (long) mask, target.address(), 0L),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        } finally {
            Reference.reachabilityFence(path);
            Reference.reachabilityFence(target);
        }
    }
}
