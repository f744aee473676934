package dev.godwit.kvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The vCPUs and interrupts as Intel's MultiProcessor specification 1.4 describes them, for guests without ACPI: a
 * floating pointer of 16 bytes at the end of base memory and the table right behind it. Little-endian; each part's
 * bytes add up to zero.
 *
 * <table>
 * <caption>Entries</caption>
 * <tr><th>type</th><th>bytes</th><th>what</th></tr>
 * <tr><td>0</td><td>20</td><td>a processor: APIC id, version, flags (1 enabled, 2 it boots), signature, features</td></tr>
 * <tr><td>1</td><td>8</td><td>bus 0, ISA</td></tr>
 * <tr><td>2</td><td>8</td><td>the I/O APIC: id, version, flags, address</td></tr>
 * <tr><td>3</td><td>8</td><td>an interrupt line: ISA n is pin n of the I/O APIC, as KVM wires them</td></tr>
 * <tr><td>4</td><td>8</td><td>local pins: 0 the 8259s, 1 NMI</td></tr>
 * </table>
 */
final class MpTable {

    static final long GPA = BootParams.BASE_MEMORY_END_GPA;

    /** How many vCPUs it can tell of: base memory ends 1 KiB below 640 KiB. */
    static final int MOST_VCPUS = 32;

    private static final int POINTER_BYTES = 16;
    private static final int HEAD_BYTES = 44;
    private static final int ISA_LINES = 16;
    private static final int LOCAL_APIC_GPA = 0xfee00000;
    private static final int IO_APIC_GPA = 0xfec00000;

    private MpTable() {}

    /** {@return floating pointer and table} */
    static byte[] of(int vcpus) {
        int tableBytes = HEAD_BYTES + 20 * vcpus + 8 * (1 + 1 + ISA_LINES - 1 + 2);
        int entries = vcpus + 1 + 1 + ISA_LINES - 1 + 2;
        byte[] bytes = new byte[POINTER_BYTES + tableBytes];
        ByteBuffer out = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        out.put(ascii("_MP_")).putInt((int) GPA + POINTER_BYTES).put((byte) 1).put((byte) 4);
        out.position(POINTER_BYTES);
        out.put(ascii("PCMP"))
                .putShort((short) tableBytes)
                .put((byte) 4)
                .put((byte) 0)
                .put(ascii("GODWIT  "))
                .put(ascii("KVM         "))
                .putInt(0)
                .putShort((short) 0)
                .putShort((short) entries)
                .putInt(LOCAL_APIC_GPA)
                .putInt(0);
        for (int id = 0; id < vcpus; id++) {
            out.put((byte) 0).put((byte) id).put((byte) 0x14).put((byte) (id == 0 ? 3 : 1));
            out.putInt(0x600).putInt(0x201).putLong(0);
        }
        out.put((byte) 1).put((byte) 0).put(ascii("ISA   "));
        out.put((byte) 2).put((byte) vcpus).put((byte) 0x11).put((byte) 1).putInt(IO_APIC_GPA);
        for (int line = 0; line < ISA_LINES; line++) {
            if (line != 2) { // there the second 8259 hangs
                line(out, 3, 0, line, vcpus, line);
            }
        }
        line(out, 4, 3, 0, 0xff, 0);
        line(out, 4, 1, 0, 0xff, 1);
        seal(out, 0, POINTER_BYTES, 10);
        seal(out, POINTER_BYTES, tableBytes, POINTER_BYTES + 7);
        return bytes;
    }

    private static void line(ByteBuffer out, int entry, int type, int source, int target, int pin) {
        out.put((byte) entry)
                .put((byte) type)
                .putShort((short) 0)
                .put((byte) 0)
                .put((byte) source)
                .put((byte) target)
                .put((byte) pin);
    }

    private static void seal(ByteBuffer out, int from, int lengthBytes, int checksumAt) {
        int sum = 0;
        for (int i = 0; i < lengthBytes; i++) {
            sum += out.get(from + i);
        }
        out.put(checksumAt, (byte) -sum);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
