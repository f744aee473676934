package dev.godwit.xen;

import java.util.Optional;

/** The kinds of records of a libxc stream (Xen migration specification section 3.2). */
public enum RecordType {
    /** The last record; empty. */
    END(0x00),
    /** A batch of frames. */
    PAGE_DATA(0x01),
    /** Of a PV domain. */
    X86_PV_INFO(0x02),
    /** Of a PV domain. */
    X86_PV_P2M_FRAMES(0x03),
    /** Of a PV domain. */
    X86_PV_VCPU_BASIC(0x04),
    /** Of a PV domain. */
    X86_PV_VCPU_EXTENDED(0x05),
    /** Of a PV domain. */
    X86_PV_VCPU_XSAVE(0x06),
    /** Of a PV domain. */
    SHARED_INFO(0x07),
    /** How the guest's time stamp counter ticks. */
    X86_TSC_INFO(0x08),
    /** The hypervisor's own state of the domain. */
    HVM_CONTEXT(0x09),
    /** Numbered parameters: special frames and settings. */
    HVM_PARAMS(0x0A),
    /** Deprecated, never to be written. */
    TOOLSTACK(0x0B),
    /** Of a PV domain. */
    X86_PV_VCPU_MSRS(0x0C),
    /** What follows is to be compared, not kept; empty. */
    VERIFY(0x0D),
    /** Of Remus and COLO; empty. */
    CHECKPOINT(0x0E),
    /** Of COLO's back channel. */
    CHECKPOINT_DIRTY_PFN_LIST(0x0F),
    /** What never changes has been sent; empty; from version 3 on. */
    STATIC_DATA_END(0x10),
    /** CPUID leaves; from version 3 on. */
    X86_CPUID_POLICY(0x11),
    /** Model specific registers; from version 3 on. */
    X86_MSR_POLICY(0x12);

    private static final RecordType[] BY_CODE = values();

    private final int code;

    RecordType(int code) {
        this.code = code;
    }

    /** {@return the number in the stream} */
    public int code() {
        return code;
    }

    /** {@return the kind with this number, if there is one} */
    public static Optional<RecordType> of(int code) {
        return code >= 0 && code < BY_CODE.length ? Optional.of(BY_CODE[code]) : Optional.empty();
    }
}
