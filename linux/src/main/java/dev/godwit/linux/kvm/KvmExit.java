package dev.godwit.linux.kvm;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Why a vCPU has come out of {@code KVM_RUN}. */
public sealed interface KvmExit {

    /** A signal, or {@link KvmVcpu#immediateExit}; whatever access came before is complete. */
    record Interrupted() implements KvmExit {}

    /**
     * The guest accesses I/O ports. It is complete only when the vCPU has been run again.
     *
     * @param isOut whether the guest writes
     * @param port the port, 0 to 65535
     * @param widthBytes 1, 2 or 4
     * @param elements how many accesses there are, one after the other to the one port
     * @param content what is written, or room for what is read: {@code elements * widthBytes}, until the next run
     */
    record PortAccess(boolean isOut, int port, int widthBytes, int elements, MemorySegment content)
            implements KvmExit {}

    /**
     * The guest accesses an address without memory. It is complete only when the vCPU has been run again.
     *
     * @param isWrite whether the guest writes
     * @param gpa the guest's physical address
     * @param content what is written, or room for what is read: 1 to 8 bytes, until the next run
     */
    record MemoryAccess(boolean isWrite, long gpa, MemorySegment content) implements KvmExit {}

    /** The dirty ring is full: it has to be collected and reset before the vCPU can run on. */
    record DirtyRingFull() implements KvmExit {}

    /** The guest halted with no interrupt controller in the kernel to wake it. */
    record Halt() implements KvmExit {}

    /** A triple fault: the processor would reset. */
    record Shutdown() implements KvmExit {}

    /**
     * The kernel met an instruction that it could not emulate.
     *
     * @param instruction its bytes and some behind it, up to 15; empty where the kernel does not say
     */
    record EmulationFailure(List<Byte> instruction) implements KvmExit {
        /** Copies the bytes. */
        public EmulationFailure {
            instruction = List.copyOf(instruction);
        }
    }

    /** The guest asked the kernel for a shutdown or reset, by a number of {@code KVM_SYSTEM_EVENT}. */
    record SystemEvent(int type) implements KvmExit {}

    /**
     * Anything else: the vCPU cannot run on.
     *
     * @param what the reason and what came with it, for people
     */
    record Failure(String what) implements KvmExit {}
}
