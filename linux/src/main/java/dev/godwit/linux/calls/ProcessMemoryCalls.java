package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The memory of processes, copied by the kernel. */
public final class ProcessMemoryCalls {

    private static final MethodHandle PROCESS_VM_READV = LibC.bind("process_vm_readv");
    private static final MethodHandle PROCESS_VM_WRITEV = LibC.bind("process_vm_writev");
    private static final MethodHandle GETPID = LibC.bind("getpid");

    private ProcessMemoryCalls() {}

    public static long processVmReadv(int pid, long local, long locals, long remote, long remotes, long flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PROCESS_VM_READV.invokeExact(slot, (long) pid, local, locals, remote, remotes, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long processVmWritev(int pid, long local, long locals, long remote, long remotes, long flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PROCESS_VM_WRITEV.invokeExact(slot, (long) pid, local, locals, remote, remotes, flags),
                    slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getpid() {
        try {
            return (int) (long) GETPID.invokeExact(LibC.errnoSlot(), 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
