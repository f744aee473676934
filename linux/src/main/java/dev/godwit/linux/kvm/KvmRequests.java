package dev.godwit.linux.kvm;

/** The ioctl numbers and flags of {@code linux/kvm.h}, under their C names. */
final class KvmRequests {

    static final long KVM_GET_API_VERSION = 0xae00;
    static final long KVM_CREATE_VM = 0xae01;
    static final long KVM_GET_MSR_INDEX_LIST = 0xc004ae02L;
    static final long KVM_CHECK_EXTENSION = 0xae03;
    static final long KVM_GET_VCPU_MMAP_SIZE = 0xae04;
    static final long KVM_GET_SUPPORTED_CPUID = 0xc008ae05L;

    static final long KVM_CREATE_VCPU = 0xae41;
    static final long KVM_GET_DIRTY_LOG = 0x4010ae42L;
    static final long KVM_SET_USER_MEMORY_REGION = 0x4020ae46L;
    static final long KVM_SET_TSS_ADDR = 0xae47;
    static final long KVM_SET_IDENTITY_MAP_ADDR = 0x4008ae48L;
    static final long KVM_CREATE_IRQCHIP = 0xae60;
    static final long KVM_IRQ_LINE = 0x4008ae61L;
    static final long KVM_GET_IRQCHIP = 0xc208ae62L;
    static final long KVM_SET_IRQCHIP = 0x8208ae63L;
    static final long KVM_CREATE_PIT2 = 0x4040ae77L;
    static final long KVM_SET_CLOCK = 0x4030ae7bL;
    static final long KVM_GET_CLOCK = 0x8030ae7cL;
    static final long KVM_GET_PIT2 = 0x8070ae9fL;
    static final long KVM_SET_PIT2 = 0x4070aea0L;
    static final long KVM_ENABLE_CAP = 0x4068aea3L;
    static final long KVM_CLEAR_DIRTY_LOG = 0xc018aec0L;
    static final long KVM_RESET_DIRTY_RINGS = 0xaec7;

    static final long KVM_RUN = 0xae80;
    static final long KVM_GET_REGS = 0x8090ae81L;
    static final long KVM_SET_REGS = 0x4090ae82L;
    static final long KVM_GET_MSRS = 0xc008ae88L;
    static final long KVM_SET_MSRS = 0x4008ae89L;
    static final long KVM_GET_LAPIC = 0x8400ae8eL;
    static final long KVM_SET_LAPIC = 0x4400ae8fL;
    static final long KVM_SET_CPUID2 = 0x4008ae90L;
    static final long KVM_GET_MP_STATE = 0x8004ae98L;
    static final long KVM_SET_MP_STATE = 0x4004ae99L;
    static final long KVM_GET_VCPU_EVENTS = 0x8040ae9fL;
    static final long KVM_SET_VCPU_EVENTS = 0x4040aea0L;
    static final long KVM_GET_DEBUGREGS = 0x8080aea1L;
    static final long KVM_SET_DEBUGREGS = 0x4080aea2L;
    static final long KVM_SET_TSC_KHZ = 0xaea2;
    static final long KVM_GET_TSC_KHZ = 0xaea3;
    static final long KVM_SET_XSAVE = 0x5000aea5L;
    static final long KVM_GET_XCRS = 0x8188aea6L;
    static final long KVM_SET_XCRS = 0x4188aea7L;
    static final long KVM_KVMCLOCK_CTRL = 0xaead;
    static final long KVM_GET_SREGS2 = 0x8140aeccL;
    static final long KVM_SET_SREGS2 = 0x4140aecdL;
    static final long KVM_GET_XSAVE2 = 0x9000aecfL;

    static final int KVM_MEM_LOG_DIRTY_PAGES = 1;
    static final int KVM_PIT_SPEAKER_DUMMY = 1;
    static final int KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE = 1;
    static final int KVM_DIRTY_LOG_INITIALLY_SET = 2;
    static final int KVM_DIRTY_LOG_PAGE_OFFSET = 64;
    static final int KVM_DIRTY_GFN_F_DIRTY = 1;
    static final int KVM_DIRTY_GFN_F_RESET = 2;
    static final int KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;

    static final int KVM_EXIT_IO = 2;
    static final int KVM_EXIT_HLT = 5;
    static final int KVM_EXIT_MMIO = 6;
    static final int KVM_EXIT_SHUTDOWN = 8;
    static final int KVM_EXIT_FAIL_ENTRY = 9;
    static final int KVM_EXIT_INTR = 10;
    static final int KVM_EXIT_INTERNAL_ERROR = 17;
    static final int KVM_EXIT_SYSTEM_EVENT = 24;
    static final int KVM_EXIT_DIRTY_RING_FULL = 31;
    static final int KVM_EXIT_IO_OUT = 1;
    static final int KVM_INTERNAL_ERROR_EMULATION = 1;

    static final long KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    private KvmRequests() {}
}
