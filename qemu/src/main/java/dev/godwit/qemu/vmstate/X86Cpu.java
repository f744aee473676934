package dev.godwit.qemu.vmstate;

import dev.godwit.qemu.vmstate.FieldValue.Elements;
import dev.godwit.qemu.vmstate.FieldValue.Nested;
import dev.godwit.qemu.vmstate.FieldValue.Whole;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The registers of an x86 vCPU, from its {@code cpu} section.
 *
 * @param index of the vCPU, unsigned
 * @param registers general, control and debug registers and some machine-specific ones, under the names of the
 *     processor's manual in lower case
 * @param segments segment and descriptor-table registers
 * @param vectors the lower 128 bits of the vector registers
 */
public record X86Cpu(int index, List<Register> registers, List<Segment> segments, List<Vector> vectors) {

    private static final List<String> GENERAL = List.of("ax", "cx", "dx", "bx", "sp", "bp", "si", "di");
    private static final List<String> SEGMENTS = List.of("es", "cs", "ss", "ds", "fs", "gs");

    /** Copies the lists. */
    public X86Cpu {
        registers = List.copyOf(registers);
        segments = List.copyOf(segments);
        vectors = List.copyOf(vectors);
    }

    /**
     * A register.
     *
     * @param name for example {@code rip}
     * @param value all 64 bits count
     */
    public record Register(String name, long value) {}

    /**
     * A segment or descriptor-table register.
     *
     * @param name for example {@code cs} or {@code gdt}
     * @param selector as loaded
     * @param base linear address
     * @param limit in bytes, unsigned 32 bit
     * @param flags the descriptor's second word
     */
    public record Segment(String name, int selector, long base, long limit, int flags) {}

    /** A vector register's lower 128 bits. */
    public record Vector(String name, long high, long low) {}

    /** {@return the vCPUs among a machine's devices, in stream order; empty for another architecture} */
    public static List<X86Cpu> of(List<DeviceFields> devices) {
        return devices.stream()
                .filter(device -> device.section().idstr().equals("cpu")
                        && device.value("env.eip").isPresent()
                        && device.value("env.regs").isPresent())
                .map(X86Cpu::read)
                .toList();
    }

    /** {@return the value of a register, where the section has it} */
    public Optional<Register> register(String name) {
        return registers.stream()
                .filter(register -> register.name().equals(name))
                .findFirst();
    }

    /** {@return a segment register, where the section has it} */
    public Optional<Segment> segment(String name) {
        return segments.stream().filter(segment -> segment.name().equals(name)).findFirst();
    }

    private static X86Cpu read(DeviceFields cpu) {
        return new X86Cpu(cpu.section().instanceId(), readRegisters(cpu), readSegments(cpu), readVectors(cpu));
    }

    private static List<Register> readRegisters(DeviceFields cpu) {
        List<Register> registers = new ArrayList<>();
        List<FieldValue> general = elements(cpu, "env.regs");
        // A 32-bit target has eight, and names them by that width.
        String prefix = general.size() > GENERAL.size() ? "r" : "e";
        for (int i = 0; i < general.size(); i++) {
            if (general.get(i) instanceof Whole whole) {
                String name = i < GENERAL.size() ? prefix + GENERAL.get(i) : "r" + i;
                registers.add(new Register(name, whole.value()));
            }
        }
        add(registers, cpu, prefix + "ip", "env.eip");
        add(registers, cpu, prefix + "flags", "env.eflags");
        for (int i : new int[] {0, 2, 3, 4}) {
            add(registers, cpu, "cr" + i, "env.cr[" + i + "]");
        }
        List<FieldValue> debug = elements(cpu, "env.dr");
        for (int i = 0; i < debug.size(); i++) {
            if (debug.get(i) instanceof Whole whole) {
                registers.add(new Register("dr" + i, whole.value()));
            }
        }
        for (String name : List.of(
                "efer",
                "star",
                "lstar",
                "cstar",
                "fmask",
                "kernelgsbase",
                "sysenter_cs",
                "sysenter_esp",
                "sysenter_eip",
                "pat",
                "tsc",
                "tsc_aux",
                "xcr0",
                "mxcsr",
                "mp_state")) {
            add(registers, cpu, name, "env." + name);
        }
        return registers;
    }

    private static void add(List<Register> registers, DeviceFields cpu, String name, String field) {
        cpu.whole(field).ifPresent(whole -> registers.add(new Register(name, whole.value())));
    }

    private static List<Segment> readSegments(DeviceFields cpu) {
        List<Segment> segments = new ArrayList<>();
        List<FieldValue> values = elements(cpu, "env.segs");
        for (int i = 0; i < Math.min(values.size(), SEGMENTS.size()); i++) {
            segment(SEGMENTS.get(i), values.get(i)).ifPresent(segments::add);
        }
        for (String name : List.of("ldt", "tr", "gdt", "idt")) {
            cpu.value("env." + name).flatMap(value -> segment(name, value)).ifPresent(segments::add);
        }
        return segments;
    }

    private static Optional<Segment> segment(String name, FieldValue value) {
        if (!(value instanceof Nested nested)) {
            return Optional.empty();
        }
        return Optional.of(new Segment(
                name, (int) number(nested, "selector"), number(nested, "base"), number(nested, "limit"), (int)
                        number(nested, "flags")));
    }

    private static List<Vector> readVectors(DeviceFields cpu) {
        List<Vector> vectors = new ArrayList<>();
        List<FieldValue> values = elements(cpu, "env.xmm_regs[0]");
        if (values.isEmpty()) {
            values = elements(cpu, "env.xmm_regs");
        }
        for (FieldValue value : values) {
            if (value instanceof Nested nested
                    && nested.fields().size() >= 2
                    && nested.fields().get(0).value() instanceof Whole low
                    && nested.fields().get(1).value() instanceof Whole high) {
                vectors.add(new Vector("xmm" + vectors.size(), high.value(), low.value()));
            }
        }
        return vectors;
    }

    private static List<FieldValue> elements(DeviceFields cpu, String name) {
        return cpu.value(name)
                .filter(Elements.class::isInstance)
                .map(value -> ((Elements) value).values())
                .orElse(List.of());
    }

    private static long number(Nested nested, String name) {
        for (DeviceField field : nested.fields()) {
            if (field.name().equals(name) && field.value() instanceof Whole whole) {
                return whole.value();
            }
        }
        return 0;
    }
}
