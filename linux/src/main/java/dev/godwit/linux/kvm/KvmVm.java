package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A machine in the kernel: memory slots, interrupt controller, timer, clock, dirty logs. Owns its descriptor; close it
 * after its vCPUs. The kernel itself serialises the calls, so any thread may make them.
 */
public final class KvmVm implements AutoCloseable {

    private static final long PAGE_BYTES = 4096;

    private final int fd;
    private final int runBytes;
    private int dirtyRingBytes;

    KvmVm(int fd, int runBytes) {
        this.fd = fd;
        this.runBytes = runBytes;
    }

    /** {@return what the kernel says of a capability on this machine: 0 where it lacks it} */
    public int check(KvmCapability capability) {
        return (int) Math.max(0, KvmCalls.ioctl(fd, KvmRequests.KVM_CHECK_EXTENSION, (long) capability.number()));
    }

    /** Says where the kernel may put the three pages and the one page that Intel's processors need, below 4 GiB. */
    public void setTssAddress(long tssGpa, long identityMapGpa) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocateFrom(JAVA_LONG, identityMapGpa);
            int _ = KvmCalls.checkedIoctl(
                    fd, KvmRequests.KVM_SET_IDENTITY_MAP_ADDR, address, "KVM_SET_IDENTITY_MAP_ADDR");
        }
        int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_SET_TSS_ADDR, tssGpa, "KVM_SET_TSS_ADDR");
    }

    /** Makes two 8259s, an I/O APIC, and with each vCPU a local APIC; before the first vCPU. */
    public void createIrqchip() throws LinuxException {
        int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_CREATE_IRQCHIP, 0L, "KVM_CREATE_IRQCHIP");
    }

    /** Makes the interval timer, and port 0x61 with it; after {@link #createIrqchip}. */
    public void createPit() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment config = arena.allocate(KvmLayouts.PIT_CONFIG);
            config.set(JAVA_INT, 0, KvmRequests.KVM_PIT_SPEAKER_DUMMY);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_CREATE_PIT2, config, "KVM_CREATE_PIT2");
        }
    }

    /**
     * Lets memory of this process be the guest's, or changes whether its writes are logged.
     *
     * @param slot its number, from 0
     * @param logDirty whether writes are logged
     * @param gpa where the guest has it, a multiple of a page
     * @param lengthBytes a multiple of a page
     * @param hva where this process has it; it stays mapped until the machine is closed
     */
    public void setMemorySlot(int slot, boolean logDirty, long gpa, long lengthBytes, long hva) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment region = arena.allocate(KvmLayouts.USERSPACE_MEMORY_REGION);
            region.set(JAVA_INT, 0, slot);
            region.set(JAVA_INT, 4, logDirty ? KvmRequests.KVM_MEM_LOG_DIRTY_PAGES : 0);
            region.set(JAVA_LONG, 8, gpa);
            region.set(JAVA_LONG, 16, lengthBytes);
            region.set(JAVA_LONG, 24, hva);
            int _ = KvmCalls.checkedIoctl(
                    fd, KvmRequests.KVM_SET_USER_MEMORY_REGION, region, "KVM_SET_USER_MEMORY_REGION");
        }
    }

    /**
     * Makes reading the dirty log and protecting its pages two steps, for all slots whose log begins later.
     *
     * @return whether such a log begins with every page dirty, and no page protected: the cheap way
     */
    public boolean enableManualDirtyLogProtect() throws LinuxException {
        int offered = check(KvmCapability.MANUAL_DIRTY_LOG_PROTECT2);
        int wanted =
                offered & (KvmRequests.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KvmRequests.KVM_DIRTY_LOG_INITIALLY_SET);
        enable(KvmCapability.MANUAL_DIRTY_LOG_PROTECT2, wanted);
        return (wanted & KvmRequests.KVM_DIRTY_LOG_INITIALLY_SET) != 0;
    }

    /**
     * Gives every vCPU a dirty ring, in place of the bitmaps; before the first vCPU.
     *
     * @param entries a power of two; how many writes it holds
     */
    public void enableDirtyRing(int entries) throws LinuxException {
        int ringBytes = Math.toIntExact(entries * KvmLayouts.DIRTY_GFN.byteSize());
        boolean acquireRelease = check(KvmCapability.DIRTY_LOG_RING_ACQ_REL) > 0;
        enable(acquireRelease ? KvmCapability.DIRTY_LOG_RING_ACQ_REL : KvmCapability.DIRTY_LOG_RING, ringBytes);
        dirtyRingBytes = ringBytes;
    }

    private void enable(KvmCapability capability, long argument) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment cap = arena.allocate(KvmLayouts.ENABLE_CAP);
            cap.set(JAVA_INT, 0, capability.number());
            cap.set(JAVA_LONG, 8, argument);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_ENABLE_CAP, cap, "KVM_ENABLE_CAP " + capability);
        }
    }

    /**
     * Reads the dirty log of a slot. With manual protection nothing changes by that; without, the log is clear and the
     * pages are protected again.
     *
     * @param bitmap native memory, one bit a page in 64-bit words, the lowest bit first
     */
    public void getDirtyLog(int slot, MemorySegment bitmap) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment log = arena.allocate(KvmLayouts.DIRTY_LOG);
            log.set(JAVA_INT, 0, slot);
            log.set(JAVA_LONG, 8, bitmap.address());
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_GET_DIRTY_LOG, log, "KVM_GET_DIRTY_LOG");
        }
    }

    /**
     * Forgets that pages are dirty and has their next write noticed.
     *
     * @param firstPage of the slot, a multiple of 64
     * @param pages a multiple of 64, or up to the slot's end
     * @param bitmap native memory: which of them, the first page in its lowest bit
     */
    public void clearDirtyLog(int slot, long firstPage, int pages, MemorySegment bitmap) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment clear = arena.allocate(KvmLayouts.CLEAR_DIRTY_LOG);
            clear.set(JAVA_INT, 0, slot);
            clear.set(JAVA_INT, 4, pages);
            clear.set(JAVA_LONG, 8, firstPage);
            clear.set(JAVA_LONG, 16, bitmap.address());
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_CLEAR_DIRTY_LOG, clear, "KVM_CLEAR_DIRTY_LOG");
        }
    }

    /** Takes back what has been collected of all dirty rings and protects those pages; {@return how many} */
    public int resetDirtyRings() throws LinuxException {
        return KvmCalls.checkedIoctl(fd, KvmRequests.KVM_RESET_DIRTY_RINGS, 0L, "KVM_RESET_DIRTY_RINGS");
    }

    /**
     * Raises or lowers an interrupt line of the 8259s and the I/O APIC.
     *
     * @param irq 0 to 23
     */
    public void setIrqLine(int irq, boolean isHigh) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment level = arena.allocate(KvmLayouts.IRQ_LEVEL);
            level.set(JAVA_INT, 0, irq);
            level.set(JAVA_INT, 4, isHigh ? 1 : 0);
            int _ = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_IRQ_LINE, level, "KVM_IRQ_LINE");
        }
    }

    /** {@return a device's state} */
    public KvmStructure.Value get(KvmStructure kind) throws LinuxException {
        return kind.get(fd, (int) kind.layout().byteSize());
    }

    /** Puts a device into a state. */
    public void set(KvmStructure.Value value) throws LinuxException {
        value.kind().set(fd, value.bytes());
    }

    /**
     * {@return a new vCPU}
     *
     * @param id its number and APIC id, from 0
     */
    public KvmVcpu createVcpu(int id) throws LinuxException {
        int vcpuFd = KvmCalls.checkedIoctl(fd, KvmRequests.KVM_CREATE_VCPU, id, "KVM_CREATE_VCPU " + id);
        long run = 0;
        try {
            run = KvmCalls.mapShared(vcpuFd, runBytes, 0);
            long ring = dirtyRingBytes == 0
                    ? 0
                    : KvmCalls.mapShared(vcpuFd, dirtyRingBytes, KvmRequests.KVM_DIRTY_LOG_PAGE_OFFSET * PAGE_BYTES);
            int xsaveBytes = Math.max(check(KvmCapability.XSAVE2), (int) KvmLayouts.XSAVE.byteSize());
            return new KvmVcpu(vcpuFd, run, runBytes, ring, dirtyRingBytes, xsaveBytes);
        } catch (LinuxException e) {
            if (run != 0) {
                KvmCalls.unmap(run, runBytes);
            }
            KvmCalls.close(vcpuFd);
            throw e;
        }
    }

    @Override
    public void close() {
        KvmCalls.close(fd);
    }
}
