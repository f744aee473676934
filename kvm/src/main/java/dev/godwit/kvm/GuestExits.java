package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmExit;
import dev.godwit.linux.kvm.KvmStructure;
import dev.godwit.linux.kvm.KvmVcpu;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What is done when a vCPU comes out of the guest; called on the vCPUs' threads.
 *
 * @param board serves the I/O ports
 * @param rings are emptied when one is full
 * @param onEnd told of a guest that is over
 * @param hasEnded whether it is
 */
record GuestExits(Board board, KvmDirtyRings rings, Consumer<GuestEnd> onEnd, BooleanSupplier hasEnded)
        implements VcpuThread.ExitHandler {

    private static final byte FWAIT = (byte) 0x9b;
    private static final long CR0_TS = 8;
    private static final long CR0_MP = 2;
    private static final int FSW_OFFSET = 2;
    private static final int FSW_EXCEPTION = 0x80;

    @Override
    public boolean handle(int id, KvmVcpu vcpu, KvmExit exit) throws IOException {
        switch (exit) {
            case KvmExit.PortAccess access -> board.access(access);
            case KvmExit.MemoryAccess access -> {
                if (!access.isWrite()) {
                    access.content().fill((byte) -1); // nobody is there
                }
            }
            case KvmExit.DirtyRingFull _ -> {
                boolean _ = rings.drain(vcpu);
            }
            case KvmExit.EmulationFailure failure -> {
                if (!skipFwait(vcpu, failure)) {
                    onEnd.accept(new GuestEnd.Failure(
                            "vCPU %d: KVM cannot emulate the instruction %s".formatted(id, hex(failure))));
                }
            }
            case KvmExit.Shutdown _ -> onEnd.accept(new GuestEnd.Shutdown("a triple fault of vCPU " + id));
            case KvmExit.SystemEvent(int type) -> onEnd.accept(new GuestEnd.Shutdown("KVM's system event " + type));
            case KvmExit.Halt _ ->
                onEnd.accept(new GuestEnd.Failure("vCPU " + id + " halted without an interrupt controller"));
            case KvmExit.Failure(String what) -> onEnd.accept(new GuestEnd.Failure("vCPU " + id + ": " + what));
            case KvmExit.Interrupted _ -> {}
        }
        return !hasEnded.getAsBoolean();
    }

    private static String hex(KvmExit.EmulationFailure failure) {
        StringBuilder text = new StringBuilder();
        failure.instruction().forEach(one -> text.append("%02x ".formatted(one & 0xff)));
        return text.isEmpty() ? "(unknown)" : text.toString().strip();
    }

    /**
     * Completes FWAIT (0x9b), which KVM's software emulator does not know. It only waits for x87 exceptions, so where
     * none is pending and the FPU is not switched away (CR0.MP and CR0.TS) it is nothing but its length. No other
     * instruction is helped along.
     */
    private static boolean skipFwait(KvmVcpu vcpu, KvmExit.EmulationFailure failure) throws IOException {
        if (failure.instruction().isEmpty() || failure.instruction().getFirst() != FWAIT) {
            return false;
        }
        long cr0 = vcpu.get(KvmStructure.SREGS2).get("cr0");
        int fsw = vcpu.get(KvmStructure.XSAVE).bytes()[FSW_OFFSET];
        if ((cr0 & (CR0_TS | CR0_MP)) == (CR0_TS | CR0_MP) || (fsw & FSW_EXCEPTION) != 0) {
            return false;
        }
        KvmStructure.Value regs = vcpu.get(KvmStructure.REGS);
        vcpu.set(regs.set("rip", regs.get("rip") + 1));
        return true;
    }
}
