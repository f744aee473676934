package dev.godwit.linux.kvm;

import static java.lang.foreign.MemoryLayout.paddingLayout;
import static java.lang.foreign.MemoryLayout.sequenceLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.util.Arrays;
import java.util.stream.Stream;

/** The structures of {@code linux/kvm.h} and {@code asm/kvm.h} for x86-64, laid out by hand under their C names. */
final class KvmLayouts {

    static final StructLayout REGS = structLayout(longs(
                    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
                    "r14", "r15", "rip", "rflags"))
            .withName("kvm_regs");

    private static final StructLayout SEGMENT = structLayout(
            JAVA_LONG.withName("base"),
            JAVA_INT.withName("limit"),
            JAVA_SHORT.withName("selector"),
            JAVA_BYTE.withName("type"),
            JAVA_BYTE.withName("present"),
            JAVA_BYTE.withName("dpl"),
            JAVA_BYTE.withName("db"),
            JAVA_BYTE.withName("s"),
            JAVA_BYTE.withName("l"),
            JAVA_BYTE.withName("g"),
            JAVA_BYTE.withName("avl"),
            JAVA_BYTE.withName("unusable"),
            paddingLayout(1));
    private static final StructLayout DTABLE =
            structLayout(JAVA_LONG.withName("base"), JAVA_SHORT.withName("limit"), paddingLayout(6));

    static final StructLayout SREGS2 = structLayout(concat(
                    named(SEGMENT, "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"),
                    named(DTABLE, "gdt", "idt"),
                    longs("cr0", "cr2", "cr3", "cr4", "cr8", "efer", "apic_base", "flags"),
                    sequenceLayout(4, JAVA_LONG).withName("pdptrs")))
            .withName("kvm_sregs2");

    private static final StructLayout XCR =
            structLayout(JAVA_INT.withName("xcr"), paddingLayout(4), JAVA_LONG.withName("value"));

    static final StructLayout XCRS = structLayout(
                    JAVA_INT.withName("nr_xcrs"),
                    JAVA_INT.withName("flags"),
                    sequenceLayout(16, XCR).withName("xcrs"),
                    paddingLayout(128))
            .withName("kvm_xcrs");

    static final StructLayout DEBUGREGS = structLayout(concat(
                    sequenceLayout(4, JAVA_LONG).withName("db"), longs("dr6", "dr7", "flags"), paddingLayout(72)))
            .withName("kvm_debugregs");

    static final StructLayout VCPU_EVENTS = structLayout(
                    structLayout(concat(
                                    bytes("injected", "nr", "has_error_code", "pending"),
                                    JAVA_INT.withName("error_code")))
                            .withName("exception"),
                    structLayout(bytes("injected", "nr", "soft", "shadow")).withName("interrupt"),
                    structLayout(concat(bytes("injected", "pending", "masked"), paddingLayout(1)))
                            .withName("nmi"),
                    JAVA_INT.withName("sipi_vector"),
                    JAVA_INT.withName("flags"),
                    structLayout(bytes("smm", "pending", "smm_inside_nmi", "latched_init"))
                            .withName("smi"),
                    structLayout(bytes("pending")).withName("triple_fault"),
                    paddingLayout(26),
                    JAVA_BYTE.withName("exception_has_payload"),
                    JAVA_LONG.withName("exception_payload"))
            .withName("kvm_vcpu_events");

    static final StructLayout MP_STATE =
            structLayout(JAVA_INT.withName("mp_state")).withName("kvm_mp_state");
    static final StructLayout LAPIC_STATE =
            structLayout(sequenceLayout(1024, JAVA_BYTE).withName("regs")).withName("kvm_lapic_state");
    static final StructLayout XSAVE =
            structLayout(sequenceLayout(4096, JAVA_BYTE).withName("region")).withName("kvm_xsave");

    static final StructLayout MSR_ENTRY = structLayout(
                    JAVA_INT.withName("index"), paddingLayout(4), JAVA_LONG.withName("data"))
            .withName("kvm_msr_entry");
    static final StructLayout CPUID_ENTRY2 = structLayout(
                    concat(ints("function", "index", "flags", "eax", "ebx", "ecx", "edx"), paddingLayout(12)))
            .withName("kvm_cpuid_entry2");

    private static final MemoryLayout[] IRQCHIP_HEAD = {JAVA_INT.withName("chip_id"), paddingLayout(4)};

    /** {@code struct kvm_irqchip} with its union read as {@code kvm_pic_state}. */
    static final StructLayout PIC = structLayout(concat(
                    IRQCHIP_HEAD,
                    bytes(
                            "last_irr",
                            "irr",
                            "imr",
                            "isr",
                            "priority_add",
                            "irq_base",
                            "read_reg_select",
                            "poll",
                            "special_mask",
                            "init_state",
                            "auto_eoi",
                            "rotate_on_auto_eoi",
                            "special_fully_nested_mode",
                            "init4",
                            "elcr",
                            "elcr_mask"),
                    paddingLayout(496)))
            .withName("kvm_irqchip");

    /** {@code struct kvm_irqchip} with its union read as {@code kvm_ioapic_state}. */
    static final StructLayout IOAPIC = structLayout(concat(
                    IRQCHIP_HEAD,
                    JAVA_LONG.withName("base_address"),
                    ints("ioregsel", "id", "irr"),
                    paddingLayout(4),
                    sequenceLayout(24, JAVA_LONG).withName("redirtbl"),
                    paddingLayout(296)))
            .withName("kvm_irqchip");

    private static final StructLayout PIT_CHANNEL = structLayout(concat(
                    JAVA_INT.withName("count"),
                    JAVA_SHORT.withName("latched_count"),
                    bytes(
                            "count_latched",
                            "status_latched",
                            "status",
                            "read_state",
                            "write_state",
                            "write_latch",
                            "rw_mode",
                            "mode",
                            "bcd",
                            "gate"),
                    JAVA_LONG.withName("count_load_time")))
            .withName("kvm_pit_channel_state");

    static final StructLayout PIT_STATE2 = structLayout(
                    sequenceLayout(3, PIT_CHANNEL).withName("channels"), JAVA_INT.withName("flags"), paddingLayout(36))
            .withName("kvm_pit_state2");

    static final StructLayout CLOCK_DATA = structLayout(
                    JAVA_LONG.withName("clock"),
                    JAVA_INT.withName("flags"),
                    paddingLayout(4),
                    JAVA_LONG.withName("realtime"),
                    JAVA_LONG.withName("host_tsc"),
                    paddingLayout(16))
            .withName("kvm_clock_data");

    static final StructLayout USERSPACE_MEMORY_REGION = structLayout(
                    concat(ints("slot", "flags"), longs("guest_phys_addr", "memory_size", "userspace_addr")))
            .withName("kvm_userspace_memory_region");
    static final StructLayout DIRTY_LOG = structLayout(
                    JAVA_INT.withName("slot"), paddingLayout(4), JAVA_LONG.withName("dirty_bitmap"))
            .withName("kvm_dirty_log");
    static final StructLayout CLEAR_DIRTY_LOG = structLayout(
                    concat(ints("slot", "num_pages"), longs("first_page", "dirty_bitmap")))
            .withName("kvm_clear_dirty_log");
    static final StructLayout DIRTY_GFN =
            structLayout(concat(ints("flags", "slot"), longs("offset"))).withName("kvm_dirty_gfn");
    static final StructLayout ENABLE_CAP = structLayout(
                    JAVA_INT.withName("cap"),
                    JAVA_INT.withName("flags"),
                    sequenceLayout(4, JAVA_LONG).withName("args"),
                    paddingLayout(64))
            .withName("kvm_enable_cap");
    static final StructLayout IRQ_LEVEL = structLayout(ints("irq", "level")).withName("kvm_irq_level");
    static final StructLayout PIT_CONFIG =
            structLayout(JAVA_INT.withName("flags"), paddingLayout(60)).withName("kvm_pit_config");

    /** The head of {@code struct kvm_run}; what a reason brings along starts at byte 32. */
    static final StructLayout RUN = structLayout(
                    JAVA_BYTE.withName("request_interrupt_window"),
                    JAVA_BYTE.withName("immediate_exit"),
                    paddingLayout(6),
                    JAVA_INT.withName("exit_reason"),
                    JAVA_BYTE.withName("ready_for_interrupt_injection"),
                    JAVA_BYTE.withName("if_flag"),
                    JAVA_SHORT.withName("flags"),
                    JAVA_LONG.withName("cr8"),
                    JAVA_LONG.withName("apic_base"))
            .withName("kvm_run");
    /** {@code kvm_run.io}. */
    static final StructLayout RUN_IO = structLayout(
                    JAVA_BYTE.withName("direction"),
                    JAVA_BYTE.withName("size"),
                    JAVA_SHORT.withName("port"),
                    JAVA_INT.withName("count"),
                    JAVA_LONG.withName("data_offset"))
            .withName("kvm_run.io");
    /** {@code kvm_run.mmio}. */
    static final StructLayout RUN_MMIO = structLayout(
                    JAVA_LONG.withName("phys_addr"),
                    sequenceLayout(8, JAVA_BYTE).withName("data"),
                    JAVA_INT.withName("len"),
                    JAVA_BYTE.withName("is_write"))
            .withName("kvm_run.mmio");

    /** {@code kvm_run.emulation_failure}. */
    static final StructLayout RUN_EMULATION_FAILURE = structLayout(
                    JAVA_INT.withName("suberror"),
                    JAVA_INT.withName("ndata"),
                    JAVA_LONG.withName("flags"),
                    JAVA_BYTE.withName("insn_size"),
                    sequenceLayout(15, JAVA_BYTE).withName("insn_bytes"))
            .withName("kvm_run.emulation_failure");

    private KvmLayouts() {}

    private static MemoryLayout[] longs(String... names) {
        return named(JAVA_LONG, names);
    }

    private static MemoryLayout[] ints(String... names) {
        return named(JAVA_INT, names);
    }

    private static MemoryLayout[] bytes(String... names) {
        return named(JAVA_BYTE, names);
    }

    private static MemoryLayout[] named(MemoryLayout layout, String... names) {
        return Arrays.stream(names).map(layout::withName).toArray(MemoryLayout[]::new);
    }

    /** Members in order: each a layout, or an array of them. */
    private static MemoryLayout[] concat(Object... members) {
        return Arrays.stream(members)
                .flatMap(member ->
                        member instanceof MemoryLayout[] many ? Arrays.stream(many) : Stream.of((MemoryLayout) member))
                .toArray(MemoryLayout[]::new);
    }
}
