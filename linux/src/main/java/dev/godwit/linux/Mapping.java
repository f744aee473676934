package dev.godwit.linux;

import dev.godwit.linux.calls.MappingCalls;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Memory of this process that it had from {@code mmap(2)}, and its one owner.
 *
 * <p>Thread-safe as memory is. Nothing counts its users: before {@link #close()} every thread, vCPU and device that
 * knows the address or the {@link #memory()} must have been joined or detached, because the addresses may be somebody
 * else's at once. Memory whose pages may be missing or synchronously write-protected ({@link Userfaultfd}) is touched
 * by Java threads through {@link NativeMemory} only.
 */
public final class Mapping implements AutoCloseable {

    /** Where transparent huge pages begin; without it they could not be had at the ends. */
    private static final long ALIGNMENT = 2 << 20;

    private final long address;
    private final long lengthBytes;
    private final MemorySegment memory;
    private final AtomicBoolean closed = new AtomicBoolean();

    @SuppressWarnings("restricted") // the kernel has just said that these bytes are this mapping's
    private Mapping(long address, long lengthBytes) {
        this.address = address;
        this.lengthBytes = lengthBytes;
        this.memory = MemorySegment.ofAddress(address).reinterpret(lengthBytes);
    }

    /**
     * Memory that is this process's alone, zero, and takes no room until it is touched. 2 MiB and more of it start at a
     * multiple of 2 MiB.
     *
     * @param lengthBytes a positive multiple of the page
     * @throws LinuxException if the kernel has none
     */
    public static Mapping anonymous(long lengthBytes) throws LinuxException {
        HugePageSize.NONE.checkWhole("the length", lengthBytes);
        int flags = MappingCalls.MAP_PRIVATE | MappingCalls.MAP_ANONYMOUS | MappingCalls.MAP_NORESERVE;
        if (lengthBytes < ALIGNMENT) {
            return map(lengthBytes, Protection.READ_WRITE, flags, -1, 0, "anonymous");
        }
        Mapping wide = map(lengthBytes + ALIGNMENT, Protection.READ_WRITE, flags, -1, 0, "anonymous");
        long start = Math.ceilDiv(wide.address, ALIGNMENT) * ALIGNMENT;
        long end = start + lengthBytes;
        unmap(wide.address, start - wide.address);
        unmap(end, wide.address + wide.lengthBytes - end);
        return new Mapping(start, lengthBytes);
    }

    /**
     * Memory that is this process's alone, of pages of one size.
     *
     * @param lengthBytes a positive multiple of the page
     * @throws LinuxException if the kernel has none: {@link Errno#ENOMEM} where its pool of huge pages is too small
     */
    public static Mapping anonymous(long lengthBytes, HugePageSize pages) throws LinuxException {
        if (pages == HugePageSize.NONE) {
            return anonymous(lengthBytes);
        }
        pages.checkWhole("the length", lengthBytes);
        int flags = MappingCalls.MAP_PRIVATE | MappingCalls.MAP_ANONYMOUS | pages.flags(MappingCalls.MAP_HUGETLB);
        return map(lengthBytes, Protection.READ_WRITE, flags, -1, 0, "anonymous");
    }

    /** Memory that forked children share; otherwise as {@link #anonymous(long, HugePageSize)}. */
    public static Mapping anonymousShared(long lengthBytes, HugePageSize pages) throws LinuxException {
        pages.checkWhole("the length", lengthBytes);
        int flags = MappingCalls.MAP_SHARED
                | MappingCalls.MAP_ANONYMOUS
                | MappingCalls.MAP_NORESERVE
                | pages.flags(MappingCalls.MAP_HUGETLB);
        return map(lengthBytes, Protection.READ_WRITE, flags, -1, 0, "anonymous, shared");
    }

    /** A range of a memory file, as {@link #of(Descriptor, long, long, Sharing, Protection)}. */
    public static Mapping of(Memfd memfd, long offsetBytes, long lengthBytes, Sharing sharing, Protection protection)
            throws LinuxException {
        memfd.pages().checkWhole("the offset", offsetBytes);
        memfd.pages().checkWhole("the length", lengthBytes);
        return of(memfd.descriptor(), offsetBytes, lengthBytes, sharing, protection);
    }

    /** A range of a file, as {@link #of(Descriptor, long, long, Sharing, Protection)}. */
    public static Mapping ofFile(
            OpenFile file, long offsetBytes, long lengthBytes, Sharing sharing, Protection protection)
            throws LinuxException {
        return of(file.descriptor(), offsetBytes, lengthBytes, sharing, protection);
    }

    /**
     * A range of whatever can be mapped. The descriptor may be closed afterwards. Pages past the end of a file are no
     * memory: touching them from Java throws {@link InternalError}, and a native copy ends the process.
     *
     * @param offsetBytes a multiple of the page
     * @param lengthBytes positive
     * @throws LinuxException if the kernel refuses: {@link Errno#EPERM} where a seal forbids writing,
     *     {@link Errno#EACCES} where the descriptor was not opened for it, {@link Errno#ENODEV} where it cannot be
     *     mapped
     */
    public static Mapping of(
            Descriptor descriptor, long offsetBytes, long lengthBytes, Sharing sharing, Protection protection)
            throws LinuxException {
        int flags = sharing.bits() | MappingCalls.MAP_NORESERVE;
        int fd = descriptor.borrow();
        try {
            LinuxException.check("mmap", fd, descriptor);
            return map(lengthBytes, protection, flags, fd, offsetBytes, descriptor);
        } finally {
            descriptor.giveBack();
        }
    }

    private static Mapping map(
            long lengthBytes, Protection protection, int flags, int fd, long offsetBytes, Object what)
            throws LinuxException {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("the length " + lengthBytes + " is not positive");
        }
        long result = MappingCalls.mmap(0, lengthBytes, protection.bits(), flags, fd, offsetBytes);
        if (result < 0) {
            throw new LinuxException(
                    "mmap", new Errno((int) -result), lengthBytes + " bytes at byte " + offsetBytes + " of " + what);
        }
        return new Mapping(result, lengthBytes);
    }

    /** {@return where it starts} */
    public long address() {
        return address;
    }

    /** {@return its length in bytes} */
    public long lengthBytes() {
        return lengthBytes;
    }

    /**
     * {@return all of it, for any thread} The segment knows its length but not when the mapping ends: it must not be
     * touched after {@link #close()}, and where the protection forbids an access the process ends.
     */
    public MemorySegment memory() {
        if (closed.get()) {
            throw new IllegalStateException("the mapping at " + Long.toHexString(address) + " is closed");
        }
        return memory;
    }

    /** Advises the kernel of all of it, as {@link #advise(Advice, long, long)}. */
    public void advise(Advice advice) throws LinuxException {
        advise(advice, 0, lengthBytes);
    }

    /**
     * Advises the kernel.
     *
     * @param offsetBytes from the start, a multiple of the page
     * @throws LinuxException if the kernel cannot do it; part of the range may have been done
     */
    public void advise(Advice advice, long offsetBytes, long lengthBytes) throws LinuxException {
        long at = at(offsetBytes, lengthBytes);
        checkRange("madvise " + advice, MappingCalls.madvise(at, lengthBytes, advice.number()), at, lengthBytes);
    }

    /** Changes what a range allows; as {@code mprotect(2)} refuses, {@link Errno#ENOMEM} and {@link Errno#EACCES}. */
    public void protect(Protection protection, long offsetBytes, long lengthBytes) throws LinuxException {
        long at = at(offsetBytes, lengthBytes);
        checkRange("mprotect", MappingCalls.mprotect(at, lengthBytes, protection.bits()), at, lengthBytes);
    }

    /** Has every page of a range brought and kept in memory; {@link Errno#ENOMEM} where a limit forbids it. */
    public void lock(long offsetBytes, long lengthBytes) throws LinuxException {
        long at = at(offsetBytes, lengthBytes);
        checkRange("mlock", MappingCalls.mlock(at, lengthBytes), at, lengthBytes);
    }

    /** Lets the pages of a range go again. */
    public void unlock(long offsetBytes, long lengthBytes) throws LinuxException {
        long at = at(offsetBytes, lengthBytes);
        checkRange("munlock", MappingCalls.munlock(at, lengthBytes), at, lengthBytes);
    }

    private long at(long offsetBytes, long length) {
        if (closed.get()) {
            throw new IllegalStateException("the mapping at " + Long.toHexString(address) + " is closed");
        }
        if (offsetBytes < 0 || length < 0 || offsetBytes > lengthBytes - length) {
            throw new IllegalArgumentException(
                    length + " bytes at byte " + offsetBytes + " are not in the " + lengthBytes + " bytes mapped");
        }
        return address + offsetBytes;
    }

    private static void checkRange(String call, long result, long at, long lengthBytes) throws LinuxException {
        if (result < 0) {
            throw new LinuxException(
                    call, new Errno((int) -result), lengthBytes + " bytes at address " + Long.toHexString(at));
        }
    }

    /** Gives the memory back. Twice does no harm. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            unmap(address, lengthBytes);
        }
    }

    private static void unmap(long at, long lengthBytes) {
        long result = lengthBytes == 0 ? 0 : MappingCalls.munmap(at, lengthBytes);
        if (result < 0) { // only where the process has too many mappings to have one more split
            throw new UncheckedIOException(new LinuxException(
                    "munmap", new Errno((int) -result), lengthBytes + " bytes at address " + Long.toHexString(at)));
        }
    }

    @Override
    public String toString() {
        return "mapping of " + lengthBytes + " bytes at " + Long.toHexString(address);
    }
}
