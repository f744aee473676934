package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The memory of processes, copied by the kernel. */
public final class ProcessMemoryCalls {

    private static final MethodHandle PROCESS_VM_READV = LibC.bind(
            "process_vm_readv",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            LibC.ERRNO);
    private static final MethodHandle PROCESS_VM_WRITEV = LibC.bind(
            "process_vm_writev",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            LibC.ERRNO);
    private static final MethodHandle GETPID = LibC.bind("getpid", FunctionDescriptor.of(JAVA_INT));

    private ProcessMemoryCalls() {}

    public static long processVmReadv(int pid, long local, long locals, long remote, long remotes, long flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PROCESS_VM_READV.invokeExact(slot, pid, local, locals, remote, remotes, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long processVmWritev(int pid, long local, long locals, long remote, long remotes, long flags) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf(
                    (long) PROCESS_VM_WRITEV.invokeExact(slot, pid, local, locals, remote, remotes, flags), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long getpid() {
        try {
            return (int) GETPID.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
