package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.godwit.linux.calls.FileCalls;
import dev.godwit.linux.calls.FileWriteCalls;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.PositionalCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * An open file, used by position. Owns its descriptor.
 *
 * <p>Thread-safe: several threads may read and write at once. {@link #close()} may come at any time; calls under way
 * finish first (the descriptor is closed by the last of them, so its number is never reused under their feet), later
 * ones fail with {@link Errno#EBADF}. Memory handed in must be native; heap memory is copied.
 */
public final class OpenFile implements Closeable {

    private static final int MODE = 0600;

    private final Path path;
    private final Descriptor descriptor;

    private OpenFile(Path path, Descriptor descriptor) {
        this.path = path;
        this.descriptor = descriptor;
    }

    /**
     * Opens a file.
     *
     * @throws LinuxException if the kernel refuses; nothing was made then
     */
    public static OpenFile open(Path path, OpenFlag... flags) throws LinuxException {
        int bits = FileCalls.O_CLOEXEC | FileCalls.O_RDONLY;
        for (OpenFlag flag : flags) {
            bits |= flag.bits();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = LibC.pathBytes(arena, path);
            long fd;
            do {
                fd = FileCalls.open(name, bits, MODE);
            } while (fd == -Errno.EINTR.code());
            return new OpenFile(path, Descriptor.ofResult("open", fd, path.toString()));
        }
    }

    /** {@return the file of a descriptor, which it owns from now on} */
    static OpenFile of(Descriptor descriptor) {
        return new OpenFile(Path.of(descriptor.name()), descriptor);
    }

    /** {@return the owner of the descriptor; closing it closes the file} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** {@return the path it was opened by} */
    public Path path() {
        return path;
    }

    /**
     * Reads until the target is full or the file ends.
     *
     * @return how many bytes were read; fewer than the target's size only at the end of the file
     */
    public long read(long positionBytes, MemorySegment target) throws LinuxException {
        if (!target.isNative()) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment copy = arena.allocate(Math.max(1, target.byteSize()));
                long length = read(positionBytes, copy.asSlice(0, target.byteSize()));
                MemorySegment.copy(copy, 0, target, 0, length);
                return length;
            }
        }
        long done = 0;
        int fd = enter("pread");
        try {
            while (done < target.byteSize()) {
                MemorySegment rest = target.asSlice(done);
                long result = PositionalCalls.pread(fd, rest, rest.byteSize(), positionBytes + done);
                if (result == 0) {
                    break;
                }
                if (result != -Errno.EINTR.code()) {
                    checkAt("pread", result, rest.byteSize(), positionBytes + done);
                    done += result;
                }
            }
        } finally {
            leave();
        }
        return done;
    }

    /** Writes all of the source. On failure part of it may be written. */
    public void write(long positionBytes, MemorySegment source) throws LinuxException {
        if (!source.isNative()) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment copy = arena.allocate(Math.max(1, source.byteSize()));
                copy.copyFrom(source);
                write(positionBytes, copy.asSlice(0, source.byteSize()));
                return;
            }
        }
        long done = 0;
        int fd = enter("pwrite");
        try {
            while (done < source.byteSize()) {
                MemorySegment rest = source.asSlice(done);
                long result = PositionalCalls.pwrite(fd, rest, rest.byteSize(), positionBytes + done);
                if (result != -Errno.EINTR.code()) {
                    // a write of nothing would go on for ever
                    checkAt(
                            "pwrite",
                            result == 0 ? -Errno.ENOSPC.code() : result,
                            rest.byteSize(),
                            positionBytes + done);
                    done += result;
                }
            }
        } finally {
            leave();
        }
    }

    /** Gives the bytes of a range back to the disk; they read as zero afterwards, the file's length stays. */
    public void punchHole(long positionBytes, long lengthBytes) throws LinuxException {
        call("fallocate", fd -> FileWriteCalls.punchHole(fd, positionBytes, lengthBytes));
    }

    /** Takes what is synced of this file out of the page cache, so that it is read from the disk again. */
    public void dropCache() throws LinuxException {
        call("posix_fadvise", fd -> FileWriteCalls.fadvise(fd, 0, 0, FileWriteCalls.POSIX_FADV_DONTNEED));
    }

    /** Has the kernel begin to read a range into the page cache. Waits at most for room among the disk's requests. */
    public void readAhead(long positionBytes, long lengthBytes) throws LinuxException {
        call(
                "posix_fadvise",
                fd -> FileWriteCalls.fadvise(fd, positionBytes, lengthBytes, FileWriteCalls.POSIX_FADV_WILLNEED));
    }

    /** Cuts the file, or lengthens it by a hole. */
    public void truncate(long lengthBytes) throws LinuxException {
        call("ftruncate", fd -> FileWriteCalls.ftruncate(fd, lengthBytes));
    }

    /** Waits until the content, and what is needed to find it, is on the disk. */
    public void syncContent() throws LinuxException {
        call("fdatasync", fd -> FileWriteCalls.fdatasync(fd));
    }

    /** Waits until content and status are on the disk; of a folder: its names. */
    public void sync() throws LinuxException {
        call("fsync", fd -> FileWriteCalls.fsync(fd));
    }

    /**
     * {@return whether the file is now locked by this object} The lock is given up when the file is closed, also by the
     * end of this process; false where another holds it.
     */
    public boolean tryLock() throws LinuxException {
        int fd = enter("flock");
        try {
            long result = FileWriteCalls.flock(fd, FileWriteCalls.LOCK_EX | FileWriteCalls.LOCK_NB);
            if (result == -Errno.EAGAIN.code()) {
                return false;
            }
            LinuxException.check("flock", result, path.toString());
            return true;
        } finally {
            leave();
        }
    }

    /** {@return the first position at or after {@code fromBytes} that is no hole, or -1 where only holes follow} */
    public long nextData(long fromBytes) throws LinuxException {
        return seek(fromBytes, FileCalls.SEEK_DATA);
    }

    /** {@return the first position at or after {@code fromBytes} in a hole or at the end, or -1 past the end} */
    public long nextHole(long fromBytes) throws LinuxException {
        return seek(fromBytes, FileCalls.SEEK_HOLE);
    }

    private long seek(long fromBytes, int whence) throws LinuxException {
        int fd = enter("lseek");
        try {
            long result = FileCalls.lseek(fd, fromBytes, whence);
            if (result == -Errno.ENXIO.code()) {
                return -1;
            }
            return LinuxException.check("lseek", result, path + " from byte " + fromBytes);
        } finally {
            leave();
        }
    }

    /** {@return length, disk space and identity} */
    public FileStatus status() throws LinuxException {
        int fd = enter("statx");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(FileCalls.STATX_LAYOUT);
            MemorySegment empty = arena.allocate(1);
            LinuxException.check(
                    "statx",
                    FileCalls.statx(fd, empty, FileCalls.AT_EMPTY_PATH, FileCalls.STATX_BASIC_STATS, status),
                    path.toString());
            return new FileStatus(
                    status.get(JAVA_LONG_UNALIGNED, FileCalls.STX_SIZE),
                    status.get(JAVA_LONG_UNALIGNED, FileCalls.STX_BLOCKS) * 512,
                    status.get(JAVA_LONG_UNALIGNED, FileCalls.STX_INO),
                    status.get(JAVA_INT_UNALIGNED, FileCalls.STX_NLINK));
        } finally {
            leave();
        }
    }

    /** Closes the descriptor, and gives a lock up. Twice does no harm. */
    @Override
    public void close() {
        descriptor.close();
    }

    private void call(String name, Descriptor.Call call) throws LinuxException {
        LinuxException.check(name, descriptor.use(call), descriptor.isClosed() ? path + ", which is closed" : path);
    }

    private int enter(String call) throws LinuxException {
        int fd = descriptor.borrow();
        if (fd < 0) {
            leave();
            throw new LinuxException(call, Errno.EBADF, path + ", which is closed");
        }
        return fd;
    }

    private void leave() {
        descriptor.giveBack();
    }

    private void checkAt(String call, long result, long lengthBytes, long positionBytes) throws LinuxException {
        if (result < 0) {
            LinuxException.check(call, result, lengthBytes + " bytes at byte " + positionBytes + " of " + path);
        }
    }
}
