package dev.godwit.snapshot.export;

import dev.godwit.qemu.vmstate.X86Cpu;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The note NT_PRSTATUS of one vCPU: {@code struct elf_prstatus} of {@code linux/elfcore.h} for x86-64.
 *
 * <pre>
 *  0   4  length of the name, 5
 *  4   4  length of the description, 336
 *  8   4  type, 1
 * 12   8  "CORE", NUL, padding
 * 20  32  signals, zero
 * 52   4  pid: the vCPU's index plus 1
 * 56  76  other ids and times, zero
 * 132 216 27 registers in the order of struct user_regs_struct
 * 348  8  pr_fpvalid and padding, zero
 * </pre>
 */
final class ElfPrStatus {

    static final int NOTE_BYTES = 356;

    private static final int DESCRIPTION_BYTES = 336;
    private static final int PID_AT = 52;
    private static final int REGISTERS_AT = 132;
    private static final int NT_PRSTATUS = 1;

    private static final List<String> REGISTERS = List.of(
            "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi");

    /** What {@code orig_rax} holds outside of a system call. */
    private static final long NO_SYSTEM_CALL = -1;

    private ElfPrStatus() {}

    /** Puts the note at the buffer's position and moves past it. */
    static void put(ByteBuffer target, X86Cpu cpu) {
        int start = target.position();
        target.putInt(5).putInt(DESCRIPTION_BYTES).putInt(NT_PRSTATUS);
        target.put(new byte[] {'C', 'O', 'R', 'E', 0, 0, 0, 0});
        target.putInt(start + PID_AT, cpu.index() + 1);
        target.position(start + REGISTERS_AT);
        for (String name : REGISTERS) {
            target.putLong(register(cpu, name));
        }
        target.putLong(NO_SYSTEM_CALL);
        target.putLong(register(cpu, "rip")).putLong(selector(cpu, "cs"));
        target.putLong(register(cpu, "rflags")).putLong(register(cpu, "rsp")).putLong(selector(cpu, "ss"));
        target.putLong(base(cpu, "fs")).putLong(base(cpu, "gs"));
        target.putLong(selector(cpu, "ds")).putLong(selector(cpu, "es"));
        target.putLong(selector(cpu, "fs")).putLong(selector(cpu, "gs"));
        target.position(start + NOTE_BYTES);
    }

    /** A 32-bit processor's registers have the same places, under their shorter names. */
    private static long register(X86Cpu cpu, String name) {
        return cpu.register(name)
                .or(() -> cpu.register("e" + name.substring(1)))
                .map(X86Cpu.Register::value)
                .orElse(0L);
    }

    private static long selector(X86Cpu cpu, String name) {
        return cpu.segment(name).map(segment -> segment.selector() & 0xffffL).orElse(0L);
    }

    private static long base(X86Cpu cpu, String name) {
        return cpu.segment(name).map(X86Cpu.Segment::base).orElse(0L);
    }
}
