package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmStructure;
import dev.godwit.linux.kvm.KvmVcpu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The state in which a boot loader enters a 64-bit program, and where it keeps what it leaves to it:
 *
 * <table>
 * <caption>Guest-physical addresses</caption>
 * <tr><th>gpa</th><th>what</th></tr>
 * <tr><td>0x1000</td><td>GDT: null, null, code (0x10), data (0x18)</td></tr>
 * <tr><td>to 0x8000</td><td>stack</td></tr>
 * <tr><td>0x9000</td><td>PML4, one entry</td></tr>
 * <tr><td>0xa000</td><td>page directory pointers, four entries</td></tr>
 * <tr><td>0xb000 to 0xefff</td><td>page directories: 4 GiB by pages of 2 MiB, virtual = physical</td></tr>
 * <tr><td>0x10000</td><td>boot_params, where there are any</td></tr>
 * <tr><td>0x20000</td><td>command line</td></tr>
 * </table>
 */
final class LongMode {

    static final long BOOT_PARAMS_GPA = 0x10000;
    static final long COMMAND_LINE_GPA = 0x20000;
    static final int COMMAND_LINE_BYTES = 0x10000;

    private static final long GDT_GPA = 0x1000;
    private static final long STACK_GPA = 0x8000;
    private static final long PML4_GPA = 0x9000;
    private static final long PDPT_GPA = 0xa000;
    private static final long DIRECTORIES_GPA = 0xb000;
    private static final int DIRECTORIES = 4;
    private static final int TABLE_ENTRIES = 512;

    private static final long CODE_DESCRIPTOR = 0x00af9b000000ffffL;
    private static final long DATA_DESCRIPTOR = 0x00cf93000000ffffL;
    private static final int CODE_SELECTOR = 0x10;
    private static final int DATA_SELECTOR = 0x18;

    private static final long PRESENT_WRITABLE = 3;
    private static final long PAGE_2_MIB = 0x80;
    private static final long CR0 = 0x80050033L; // PG, AM, WP, NE, ET, MP, PE
    private static final long CR4 = 0x620; // PAE, OSFXSR, OSXMMEXCPT
    private static final long EFER = 0x500; // LME, LMA

    private LongMode() {}

    /** Writes GDT and page tables. */
    static void writeTables(GuestAddresses guest) {
        ByteBuffer gdt = littleEndian(32).putLong(16, CODE_DESCRIPTOR).putLong(24, DATA_DESCRIPTOR);
        guest.write(GDT_GPA, gdt);
        guest.write(PML4_GPA, littleEndian(8).putLong(0, PDPT_GPA | PRESENT_WRITABLE));
        ByteBuffer pointers = littleEndian(8 * DIRECTORIES);
        ByteBuffer directories = littleEndian(8 * DIRECTORIES * TABLE_ENTRIES);
        for (int i = 0; i < DIRECTORIES; i++) {
            pointers.putLong(8 * i, (DIRECTORIES_GPA + i * 4096L) | PRESENT_WRITABLE);
        }
        for (int i = 0; i < DIRECTORIES * TABLE_ENTRIES; i++) {
            directories.putLong(8 * i, ((long) i << 21) | PAGE_2_MIB | PRESENT_WRITABLE);
        }
        guest.write(PDPT_GPA, pointers);
        guest.write(DIRECTORIES_GPA, directories);
    }

    /**
     * Writes a command line.
     *
     * @throws IOException if it is too long, or not ASCII
     */
    static void writeCommandLine(GuestAddresses guest, String append, long mostBytes) throws IOException {
        if (append.length() > Math.min(mostBytes, COMMAND_LINE_BYTES - 1)
                || !StandardCharsets.US_ASCII.newEncoder().canEncode(append)
                || append.indexOf('\0') >= 0) {
            throw new IOException("the guest's command line has to be ASCII, of up to %d characters: \"%s\""
                    .formatted(Math.min(mostBytes, COMMAND_LINE_BYTES - 1), append));
        }
        guest.write(COMMAND_LINE_GPA, (append + "\0").getBytes(StandardCharsets.US_ASCII));
    }

    /** Puts a fresh vCPU there; called on its thread. */
    static void enter(KvmVcpu vcpu, long entryGpa, long rdi, long rsi, long rdx) throws IOException {
        KvmStructure.Value sregs = vcpu.get(KvmStructure.SREGS2);
        segment(sregs, "cs", CODE_SELECTOR, 0xb, true);
        for (String data : new String[] {"ds", "es", "fs", "gs", "ss"}) {
            segment(sregs, data, DATA_SELECTOR, 0x3, false);
        }
        sregs.set("gdt.base", GDT_GPA)
                .set("gdt.limit", 31)
                .set("idt.base", 0)
                .set("idt.limit", 0)
                .set("cr0", CR0)
                .set("cr3", PML4_GPA)
                .set("cr4", CR4)
                .set("efer", EFER);
        vcpu.set(sregs);
        vcpu.set(KvmStructure.REGS
                .blank()
                .set("rip", entryGpa)
                .set("rsp", STACK_GPA)
                .set("rdi", rdi)
                .set("rsi", rsi)
                .set("rdx", rdx)
                .set("rflags", 2));
    }

    private static void segment(KvmStructure.Value sregs, String name, int selector, int type, boolean isCode) {
        sregs.set(name + ".base", 0)
                .set(name + ".limit", 0xffff_ffffL)
                .set(name + ".selector", selector)
                .set(name + ".type", type)
                .set(name + ".present", 1)
                .set(name + ".dpl", 0)
                .set(name + ".db", isCode ? 0 : 1)
                .set(name + ".s", 1)
                .set(name + ".l", isCode ? 1 : 0)
                .set(name + ".g", 1)
                .set(name + ".unusable", 0);
    }

    static ByteBuffer littleEndian(int lengthBytes) {
        return ByteBuffer.allocate(lengthBytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
