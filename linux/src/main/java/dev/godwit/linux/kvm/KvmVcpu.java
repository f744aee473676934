package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A vCPU. Owns its descriptor and mappings.
 *
 * <p>All calls belong to the one thread that runs it, but for {@link #immediateExit}, which any thread may set until
 * {@link #close}, and {@link #dirtyRing}, which has rules of its own.
 */
public final class KvmVcpu implements AutoCloseable {

    private static final VarHandle BYTE = JAVA_BYTE.varHandle();
    private static final long IMMEDIATE_EXIT_OFFSET = offset(KvmLayouts.RUN, "immediate_exit");
    private static final long EXIT_REASON_OFFSET = offset(KvmLayouts.RUN, "exit_reason");

    /** Where the union begins that tells more of an exit. */
    private static final long DETAILS_OFFSET = KvmLayouts.RUN.byteSize();

    private static final long IO_DIRECTION = DETAILS_OFFSET + offset(KvmLayouts.RUN_IO, "direction");
    private static final long IO_SIZE = DETAILS_OFFSET + offset(KvmLayouts.RUN_IO, "size");
    private static final long IO_PORT = DETAILS_OFFSET + offset(KvmLayouts.RUN_IO, "port");
    private static final long IO_COUNT = DETAILS_OFFSET + offset(KvmLayouts.RUN_IO, "count");
    private static final long IO_DATA_OFFSET = DETAILS_OFFSET + offset(KvmLayouts.RUN_IO, "data_offset");
    private static final long MMIO_ADDRESS = DETAILS_OFFSET + offset(KvmLayouts.RUN_MMIO, "phys_addr");
    private static final long MMIO_DATA = DETAILS_OFFSET + offset(KvmLayouts.RUN_MMIO, "data");
    private static final long MMIO_LENGTH = DETAILS_OFFSET + offset(KvmLayouts.RUN_MMIO, "len");
    private static final long MMIO_IS_WRITE = DETAILS_OFFSET + offset(KvmLayouts.RUN_MMIO, "is_write");
    private static final long FAILURE_WORDS = DETAILS_OFFSET + offset(KvmLayouts.RUN_EMULATION_FAILURE, "ndata");
    private static final long FAILURE_FLAGS = DETAILS_OFFSET + offset(KvmLayouts.RUN_EMULATION_FAILURE, "flags");
    private static final long FAILURE_SIZE = DETAILS_OFFSET + offset(KvmLayouts.RUN_EMULATION_FAILURE, "insn_size");
    private static final long FAILURE_BYTES = DETAILS_OFFSET + offset(KvmLayouts.RUN_EMULATION_FAILURE, "insn_bytes");
    private static final KvmExit INTERRUPTED = new KvmExit.Interrupted();
    private static final KvmExit RING_FULL = new KvmExit.DirtyRingFull();

    private final int fd;
    private final long runAddress;
    private final int runBytes;
    private final MemorySegment run;
    private final long ringAddress;
    private final int ringBytes;
    private final Optional<KvmDirtyRing> ring;
    private final int xsaveBytes;

    KvmVcpu(int fd, long runAddress, int runBytes, long ringAddress, int ringBytes, int xsaveBytes) {
        this.fd = fd;
        this.runAddress = runAddress;
        this.runBytes = runBytes;
        this.run = KvmCalls.segment(runAddress, runBytes);
        this.ringAddress = ringAddress;
        this.ringBytes = ringBytes;
        this.ring = ringBytes == 0
                ? Optional.empty()
                : Optional.of(new KvmDirtyRing(KvmCalls.segment(ringAddress, ringBytes)));
        this.xsaveBytes = xsaveBytes;
    }

    private static long offset(StructLayout layout, String name) {
        return layout.byteOffset(PathElement.groupElement(name));
    }

    /**
     * Has {@code KVM_RUN} end at once, from now on: it completes an access that is under way and runs no instruction. A
     * run that has begun is ended by a signal sent after this.
     */
    public void immediateExit(boolean isWanted) {
        BYTE.setVolatile(run, IMMEDIATE_EXIT_OFFSET, (byte) (isWanted ? 1 : 0));
    }

    /** {@return why the guest stopped; runs it until then} */
    public KvmExit run() {
        long result = KvmCalls.ioctl(fd, KvmRequests.KVM_RUN, 0L);
        if (result < 0) {
            int errno = (int) -result;
            return errno == Errno.EINTR.code() || errno == Errno.EAGAIN.code()
                    ? INTERRUPTED
                    : new KvmExit.Failure("KVM_RUN: " + new Errno(errno));
        }
        int reason = run.get(JAVA_INT, EXIT_REASON_OFFSET);
        return switch (reason) {
            case KvmRequests.KVM_EXIT_IO -> portAccess();
            case KvmRequests.KVM_EXIT_MMIO -> memoryAccess();
            case KvmRequests.KVM_EXIT_INTR -> INTERRUPTED;
            case KvmRequests.KVM_EXIT_DIRTY_RING_FULL -> RING_FULL;
            case KvmRequests.KVM_EXIT_HLT -> new KvmExit.Halt();
            case KvmRequests.KVM_EXIT_SHUTDOWN -> new KvmExit.Shutdown();
            case KvmRequests.KVM_EXIT_SYSTEM_EVENT -> new KvmExit.SystemEvent(run.get(JAVA_INT, DETAILS_OFFSET));
            case KvmRequests.KVM_EXIT_INTERNAL_ERROR -> internalError();
            case KvmRequests.KVM_EXIT_FAIL_ENTRY ->
                new KvmExit.Failure(
                        "KVM_EXIT_FAIL_ENTRY, hardware reason 0x%x".formatted(run.get(JAVA_LONG, DETAILS_OFFSET)));
            default -> new KvmExit.Failure("KVM_RUN exit reason " + reason);
        };
    }

    private KvmExit portAccess() {
        boolean isOut = run.get(JAVA_BYTE, IO_DIRECTION) == KvmRequests.KVM_EXIT_IO_OUT;
        int widthBytes = run.get(JAVA_BYTE, IO_SIZE);
        int port = run.get(JAVA_SHORT, IO_PORT) & 0xffff;
        int elements = run.get(JAVA_INT, IO_COUNT);
        long contentOffset = run.get(JAVA_LONG, IO_DATA_OFFSET);
        return new KvmExit.PortAccess(
                isOut, port, widthBytes, elements, run.asSlice(contentOffset, (long) elements * widthBytes));
    }

    private KvmExit memoryAccess() {
        int lengthBytes = run.get(JAVA_INT, MMIO_LENGTH);
        return new KvmExit.MemoryAccess(
                run.get(JAVA_BYTE, MMIO_IS_WRITE) != 0,
                run.get(JAVA_LONG, MMIO_ADDRESS),
                run.asSlice(MMIO_DATA, lengthBytes));
    }

    private KvmExit internalError() {
        int suberror = run.get(JAVA_INT, DETAILS_OFFSET);
        return suberror == KvmRequests.KVM_INTERNAL_ERROR_EMULATION
                ? emulationFailure()
                : new KvmExit.Failure("KVM_EXIT_INTERNAL_ERROR, suberror " + suberror);
    }

    /** Reads {@code kvm_run.emulation_failure}, of which only what {@code ndata} and the flags cover is there. */
    private KvmExit emulationFailure() {
        List<Byte> instruction = new ArrayList<>();
        boolean hasBytes = run.get(JAVA_INT, FAILURE_WORDS) >= 3
                && (run.get(JAVA_LONG, FAILURE_FLAGS) & KvmRequests.KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)
                        != 0;
        int lengthBytes = hasBytes ? Math.min(15, run.get(JAVA_BYTE, FAILURE_SIZE)) : 0;
        for (int i = 0; i < lengthBytes; i++) {
            instruction.add(run.get(JAVA_BYTE, FAILURE_BYTES + i));
        }
        return new KvmExit.EmulationFailure(instruction);
    }

    /** {@return a part of the vCPU's state} */
    public KvmStructure.Value get(KvmStructure kind) throws LinuxException {
        int lengthBytes =
                kind == KvmStructure.XSAVE ? xsaveBytes : (int) kind.layout().byteSize();
        return kind.get(fd, lengthBytes);
    }

    /**
     * Puts a part of the vCPU into a state.
     *
     * @throws IllegalArgumentException if XSAVE state is of another length than this machine's
     */
    public void set(KvmStructure.Value value) throws LinuxException {
        byte[] bytes = value.bytes();
        if (value.kind() == KvmStructure.XSAVE && bytes.length != xsaveBytes) {
            throw new IllegalArgumentException("xsaveBytes=%d, expected %d".formatted(bytes.length, xsaveBytes));
        }
        value.kind().set(fd, bytes);
    }

    /** {@return how long the XSAVE state of this machine is, in bytes} */
    public int xsaveBytes() {
        return xsaveBytes;
    }

    /** Says what the CPUID instruction answers; before the vCPU first runs, and before any other state is set. */
    public void setCpuid(List<CpuidEntry> entries) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = CpuidTable.allocate(arena, entries.size());
            CpuidTable.write(table, entries);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_SET_CPUID2, table, "KVM_SET_CPUID2");
        }
    }

    /** {@return those of the MSRs that can be read} Asked one by one: a table stops at the first that cannot. */
    public List<Msr> msrs(List<Integer> indexes) throws LinuxException {
        List<Msr> readable = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = msrTable(arena);
            for (int index : indexes) {
                table.set(JAVA_INT, 8, index);
                table.set(JAVA_LONG, 16, 0L);
                if (KvmCalls.ioctl(fd, KvmRequests.KVM_GET_MSRS, table) == 1) {
                    readable.add(new Msr(index, table.get(JAVA_LONG, 16)));
                }
            }
        }
        return readable;
    }

    /** {@return whether the kernel took the value} */
    public boolean setMsr(Msr msr) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = msrTable(arena);
            table.set(JAVA_INT, 8, msr.index());
            table.set(JAVA_LONG, 16, msr.value());
            return KvmCalls.ioctl(fd, KvmRequests.KVM_SET_MSRS, table) == 1;
        }
    }

    private static MemorySegment msrTable(Arena arena) {
        MemorySegment table = arena.allocate(8 + KvmLayouts.MSR_ENTRY.byteSize(), 8);
        table.set(JAVA_INT, 0, 1);
        return table;
    }

    /** {@return the frequency of the time-stamp counter in kHz} */
    public int tscKhz() throws LinuxException {
        return KvmCalls.checkedIoctl(fd, KvmRequests.KVM_GET_TSC_KHZ, 0L, "KVM_GET_TSC_KHZ");
    }

    /** Sets the frequency of the time-stamp counter, where the host has {@link KvmCapability#TSC_CONTROL}. */
    public void setTscKhz(int khz) throws LinuxException {
        int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_SET_TSC_KHZ, khz, "KVM_SET_TSC_KHZ " + khz);
    }

    /**
     * Tells a guest with the paravirtual clock that it was paused, so that its watchdogs do not bark.
     *
     * @return whether the guest uses that clock
     */
    public boolean announcePause() {
        return KvmCalls.ioctl(fd, KvmRequests.KVM_KVMCLOCK_CTRL, 0L) >= 0;
    }

    /** {@return the ring of its writes, where the machine has rings} */
    public Optional<KvmDirtyRing> dirtyRing() {
        return ring;
    }

    /** Gives the vCPU back; no other call may be under way or follow. */
    @Override
    public void close() {
        KvmCalls.unmap(runAddress, runBytes);
        if (ringBytes > 0) {
            KvmCalls.unmap(ringAddress, ringBytes);
        }
        KvmCalls.close(fd);
    }
}
