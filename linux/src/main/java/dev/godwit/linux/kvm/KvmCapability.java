package dev.godwit.linux.kvm;

/** What a kernel's KVM may or may not be able to do, under the C names without their prefix {@code KVM_CAP_}. */
public enum KvmCapability {
    /** An interrupt controller in the kernel. */
    IRQCHIP(0),
    /** How many memory slots a machine may have. */
    NR_MEMSLOTS(10),
    /** Whether an {@code mmap} of guest RAM is its own; always there. */
    SYNC_MMU(16),
    /** The interval timer in the kernel, second form. */
    PIT2(33),
    /** The frequency of the time-stamp counter can be set. */
    TSC_CONTROL(60),
    /** The most vCPUs a machine may have. */
    MAX_VCPUS(66),
    /** {@code kvm_run.immediate_exit}. */
    IMMEDIATE_EXIT(136),
    /** The local APIC's deadline timer. */
    TSC_DEADLINE_TIMER(72),
    /** {@code KVM_CLEAR_DIRTY_LOG}: reading the log and protecting pages again are two steps. Linux 5.0. */
    MANUAL_DIRTY_LOG_PROTECT2(168),
    /** The dirty ring, with the memory order of x86. Linux 5.11. */
    DIRTY_LOG_RING(192),
    /** System registers with the PDPTRs. Linux 5.14. */
    SREGS2(200),
    /** XSAVE state of any length: the length itself. Linux 5.17. */
    XSAVE2(208),
    /** The dirty ring, for programs that say acquire and release. Linux 6.1. */
    DIRTY_LOG_RING_ACQ_REL(223);

    private final int number;

    KvmCapability(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }
}
