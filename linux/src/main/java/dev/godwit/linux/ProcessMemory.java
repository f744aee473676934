package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.ProcessMemoryCalls;
import java.lang.foreign.MemorySegment;

/**
 * This process's own memory, copied by the kernel ({@code process_vm_readv(2)}): slower than {@link NativeMemory}, but
 * where there is no memory it answers so instead of ending the process, and a page of a userfaultfd whose descriptor
 * handles no faults of the kernel is refused instead of waited for. Nothing is allocated.
 */
public final class ProcessMemory {

    private static final int PID = (int) ProcessMemoryCalls.getpid();

    private ProcessMemory() {}

    /**
     * Copies bytes from memory that may not be there into memory that is.
     *
     * @return how many bytes were copied, fewer than asked where memory ends in between; or minus errno:
     *     {@link Errno#EFAULT} where not one was, {@link Errno#EPERM} where the kernel forbids it
     */
    public static long read(long targetAddress, long sourceAddress, long lengthBytes) {
        long slot = vectors(targetAddress, sourceAddress, lengthBytes);
        return ProcessMemoryCalls.processVmReadv(PID, slot, 1, slot + 16, 1, 0);
    }

    /** Copies bytes from memory that is there into memory that may not be; answers as {@link #read} does. */
    public static long write(long targetAddress, long sourceAddress, long lengthBytes) {
        long slot = vectors(sourceAddress, targetAddress, lengthBytes);
        return ProcessMemoryCalls.processVmWritev(PID, slot, 1, slot + 16, 1, 0);
    }

    private static long vectors(long localAddress, long remoteAddress, long lengthBytes) {
        if (lengthBytes < 0) {
            throw new IllegalArgumentException("the length " + lengthBytes + " is negative");
        }
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, localAddress);
        slot.set(JAVA_LONG, 8, lengthBytes);
        slot.set(JAVA_LONG, 16, remoteAddress);
        slot.set(JAVA_LONG, 24, lengthBytes);
        return slot.address();
    }
}
