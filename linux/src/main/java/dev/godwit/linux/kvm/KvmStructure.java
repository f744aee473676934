package dev.godwit.linux.kvm;

import dev.godwit.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The kinds of state that KVM gives and takes as one structure each. Which object has it, a machine or a vCPU, and with
 * which calls, is part of the kind.
 */
public final class KvmStructure {
    private static final int NOT_A_CHIP = -1;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    /** The general registers. */
    public static final KvmStructure REGS =
            new KvmStructure("REGS", KvmLayouts.REGS, KvmRequests.KVM_GET_REGS, KvmRequests.KVM_SET_REGS, NOT_A_CHIP);
    /** Segments, descriptor tables, control registers, EFER, the APIC's base. */
    public static final KvmStructure SREGS2 = new KvmStructure(
            "SREGS2", KvmLayouts.SREGS2, KvmRequests.KVM_GET_SREGS2, KvmRequests.KVM_SET_SREGS2, NOT_A_CHIP);
    /** The extended control registers. */
    public static final KvmStructure XCRS =
            new KvmStructure("XCRS", KvmLayouts.XCRS, KvmRequests.KVM_GET_XCRS, KvmRequests.KVM_SET_XCRS, NOT_A_CHIP);
    /** FPU, SSE, AVX and so on, in the processor's XSAVE form; its length is the machine's. */
    public static final KvmStructure XSAVE = new KvmStructure(
            "XSAVE", KvmLayouts.XSAVE, KvmRequests.KVM_GET_XSAVE2, KvmRequests.KVM_SET_XSAVE, NOT_A_CHIP);
    /** The debug registers. */
    public static final KvmStructure DEBUGREGS = new KvmStructure(
            "DEBUGREGS",
            KvmLayouts.DEBUGREGS,
            KvmRequests.KVM_GET_DEBUGREGS,
            KvmRequests.KVM_SET_DEBUGREGS,
            NOT_A_CHIP);
    /** Exceptions, interrupts and NMIs on their way. */
    public static final KvmStructure VCPU_EVENTS = new KvmStructure(
            "VCPU_EVENTS",
            KvmLayouts.VCPU_EVENTS,
            KvmRequests.KVM_GET_VCPU_EVENTS,
            KvmRequests.KVM_SET_VCPU_EVENTS,
            NOT_A_CHIP);
    /** Runnable, halted, or waiting to be started by another vCPU. */
    public static final KvmStructure MP_STATE = new KvmStructure(
            "MP_STATE", KvmLayouts.MP_STATE, KvmRequests.KVM_GET_MP_STATE, KvmRequests.KVM_SET_MP_STATE, NOT_A_CHIP);
    /** The local APIC's page of registers. */
    public static final KvmStructure LAPIC = new KvmStructure(
            "LAPIC", KvmLayouts.LAPIC_STATE, KvmRequests.KVM_GET_LAPIC, KvmRequests.KVM_SET_LAPIC, NOT_A_CHIP);

    /** The first 8259 of a machine. */
    public static final KvmStructure PIC_MASTER =
            new KvmStructure("PIC_MASTER", KvmLayouts.PIC, KvmRequests.KVM_GET_IRQCHIP, KvmRequests.KVM_SET_IRQCHIP, 0);
    /** The second 8259 of a machine. */
    public static final KvmStructure PIC_SLAVE =
            new KvmStructure("PIC_SLAVE", KvmLayouts.PIC, KvmRequests.KVM_GET_IRQCHIP, KvmRequests.KVM_SET_IRQCHIP, 1);
    /** The I/O APIC of a machine. */
    public static final KvmStructure IOAPIC =
            new KvmStructure("IOAPIC", KvmLayouts.IOAPIC, KvmRequests.KVM_GET_IRQCHIP, KvmRequests.KVM_SET_IRQCHIP, 2);
    /** The 8254 interval timer of a machine. */
    public static final KvmStructure PIT = new KvmStructure(
            "PIT", KvmLayouts.PIT_STATE2, KvmRequests.KVM_GET_PIT2, KvmRequests.KVM_SET_PIT2, NOT_A_CHIP);
    /** The paravirtual clock of a machine. */
    public static final KvmStructure CLOCK = new KvmStructure(
            "CLOCK", KvmLayouts.CLOCK_DATA, KvmRequests.KVM_GET_CLOCK, KvmRequests.KVM_SET_CLOCK, NOT_A_CHIP);

    private final String name;
    private final StructLayout layout;
    private final long getRequest;
    private final long setRequest;
    private final int chipId;
    private final List<KvmField> fields;

    private KvmStructure(String name, StructLayout layout, long getRequest, long setRequest, int chipId) {
        this.name = name;
        this.chipId = chipId;
        this.layout = layout;
        this.getRequest = getRequest;
        this.setRequest = setRequest;
        this.fields = KvmField.of(layout);
    }

    /** {@return its fields, in the kernel's order} */
    public List<KvmField> fields() {
        return fields;
    }

    /** {@return a structure of this kind, all zero} */
    public Value blank() {
        Value value = new Value(this, new byte[(int) layout.byteSize()]);
        if (chipId != NOT_A_CHIP) {
            value.set("chip_id", chipId); // the kernel reads it to know which one is asked for
        }
        return value;
    }

    /** {@return its name, for people} */
    @Override
    public String toString() {
        return name;
    }

    Value get(int fd, int lengthBytes) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment structure = arena.allocate(lengthBytes, 64);
            MemorySegment.copy(MemorySegment.ofArray(blank().bytes), 0, structure, 0, layout.byteSize());
            int _ = KvmCalls.checkedIoctl(fd, getRequest, structure, "KVM_GET_" + name);
            return new Value(this, structure.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    void set(int fd, byte[] bytes) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment structure = arena.allocate(bytes.length, 64);
            MemorySegment.copy(bytes, 0, structure, ValueLayout.JAVA_BYTE, 0, bytes.length);
            int _ = KvmCalls.checkedIoctl(fd, setRequest, structure, "KVM_SET_" + name);
        }
    }

    MemoryLayout layout() {
        return layout;
    }

    /** One structure with its content. Not thread-safe. */
    public static final class Value {

        private final KvmStructure kind;
        private final byte[] bytes;

        Value(KvmStructure kind, byte[] bytes) {
            this.kind = kind;
            this.bytes = bytes;
        }

        /**
         * {@return a structure of a kind that holds these bytes}
         *
         * @throws IllegalArgumentException if they are too few
         */
        public static Value of(KvmStructure kind, byte[] bytes) {
            if (bytes.length < kind.layout.byteSize()) {
                throw new IllegalArgumentException("%s, lengthBytes=%d".formatted(kind.name, bytes.length));
            }
            return new Value(kind, bytes.clone());
        }

        /** {@return its kind} */
        public KvmStructure kind() {
            return kind;
        }

        /** {@return a copy of its bytes as the kernel has them} */
        public byte[] bytes() {
            return bytes.clone();
        }

        /** {@return a number, zero-extended} */
        public long get(String name) {
            return get(field(name));
        }

        /** {@return a number, zero-extended} */
        public long get(KvmField field) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ORDER);
            return switch (field.widthBytes()) {
                case 1 -> bytes[field.offsetBytes()] & 0xff;
                case 2 -> buffer.getShort(field.offsetBytes()) & 0xffff;
                case 4 -> buffer.getInt(field.offsetBytes()) & 0xffff_ffffL;
                default -> buffer.getLong(field.offsetBytes());
            };
        }

        /** Sets a number, of which the low bytes are taken; {@return this} */
        public Value set(String name, long number) {
            return set(field(name), number);
        }

        /** Sets a number, of which the low bytes are taken; {@return this} */
        public Value set(KvmField field, long number) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ORDER);
            switch (field.widthBytes()) {
                case 1 -> bytes[field.offsetBytes()] = (byte) number;
                case 2 -> buffer.putShort(field.offsetBytes(), (short) number);
                case 4 -> buffer.putInt(field.offsetBytes(), (int) number);
                default -> buffer.putLong(field.offsetBytes(), number);
            }
            return this;
        }

        private KvmField field(String name) {
            for (KvmField field : kind.fields) {
                if (field.name().equals(name)) {
                    return field;
                }
            }
            throw new IllegalArgumentException(kind + " has no field " + name);
        }
    }
}
