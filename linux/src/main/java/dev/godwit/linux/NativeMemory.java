package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.MappingCalls;
import dev.godwit.linux.calls.MemoryCalls;
import java.lang.foreign.MemorySegment;

/**
 * Memory touched in libc instead of in Java: the way for memory whose pages may be missing or write-protected. A thread
 * that waits for a page in here does not keep the collector waiting, and so cannot deadlock with the thread that serves
 * the page. There must be memory: what is not mapped, past the end of a file or poisoned ends the process
 * ({@link ProcessMemory} answers instead). Thread-safe as memory is; nothing is allocated.
 */
public final class NativeMemory {

    private NativeMemory() {}

    /** Copies bytes from one place to another; the two may not overlap. */
    public static void copy(long targetAddress, long sourceAddress, long lengthBytes) {
        checkLength(lengthBytes);
        MemoryCalls.memcpy(targetAddress, sourceAddress, lengthBytes);
    }

    /** Makes every byte of a range the same. */
    public static void fill(long address, int value, long lengthBytes) {
        checkLength(lengthBytes);
        MemoryCalls.memset(address, value, lengthBytes);
    }

    /** {@return 0 where two ranges are equal, otherwise the sign of the first difference of their bytes, unsigned} */
    public static int compare(long leftAddress, long rightAddress, long lengthBytes) {
        checkLength(lengthBytes);
        return Long.signum(MemoryCalls.memcmp(leftAddress, rightAddress, lengthBytes));
    }

    /**
     * Has every page of a range brought, for reading: whole pages of any memory of this process.
     *
     * @throws LinuxException if there is not enough memory, or none at an address
     */
    public static void populate(long address, long lengthBytes) throws LinuxException {
        checkLength(lengthBytes);
        long result = MappingCalls.madvise(address, lengthBytes, Advice.POPULATE_READ.number());
        if (result == -Errno.EINVAL.code()) { // before Linux 5.14: each page is looked at
            for (long at = address; at < address + lengthBytes; at += HugePageSize.NONE.pageBytes()) {
                load(at);
            }
        } else if (result < 0) {
            throw new LinuxException(
                    "madvise",
                    new Errno((int) -result),
                    lengthBytes + " bytes at address " + Long.toHexString(address));
        }
    }

    /** {@return the eight bytes at an address, in the processor's order; the address need not be a multiple of 8} */
    public static long load(long address) {
        MemorySegment slot = LibC.argumentSlot();
        MemoryCalls.memcpy(slot.address(), address, 8);
        return slot.get(JAVA_LONG, 0);
    }

    /** Stores eight bytes at an address, in the processor's order; not necessarily all at once. */
    public static void store(long address, long value) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, value);
        MemoryCalls.memcpy(address, slot.address(), 8);
    }

    /**
     * Gives the memory of a range back: its pages are missing afterwards, in the memory file below too where there is
     * one.
     *
     * @param address a multiple of the page of the memory that it is in, as the length is
     * @throws LinuxException if the kernel refuses, for one because the memory is locked; part of the range may be done
     */
    public static void discard(long address, long lengthBytes) throws LinuxException {
        checkLength(lengthBytes);
        long result = MappingCalls.madvise(address, lengthBytes, Advice.REMOVE.number());
        if (result == -Errno.EINVAL.code()) { // no file below: private memory
            result = MappingCalls.madvise(address, lengthBytes, Advice.DONTNEED.number());
        }
        LinuxException.check("madvise", result, lengthBytes + " bytes at address " + Long.toHexString(address));
    }

    private static void checkLength(long lengthBytes) {
        if (lengthBytes < 0) {
            throw new IllegalArgumentException("the length " + lengthBytes + " is negative");
        }
    }
}
