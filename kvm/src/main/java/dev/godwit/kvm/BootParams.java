package dev.godwit.kvm;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code struct boot_params} of Linux, "the zero page": what the loader tells the kernel. Besides the setup header at
 * 0x1f1 ({@link LinuxImage}):
 *
 * <table>
 * <caption>Fields that are written here</caption>
 * <tr><th>offset</th><th>bytes</th><th>name</th></tr>
 * <tr><td>0x06</td><td>1</td><td>screen_info.orig_video_mode: 3, text</td></tr>
 * <tr><td>0x07</td><td>1</td><td>screen_info.orig_video_cols: 80</td></tr>
 * <tr><td>0x0e</td><td>1</td><td>screen_info.orig_video_lines: 25</td></tr>
 * <tr><td>0x0f</td><td>1</td><td>screen_info.orig_video_isVGA: 1</td></tr>
 * <tr><td>0x1e0</td><td>4</td><td>alt_mem_k: KiB above 1 MiB</td></tr>
 * <tr><td>0x1e8</td><td>1</td><td>e820_entries</td></tr>
 * <tr><td>0x2d0</td><td>20 each</td><td>e820_table: start, length (8 bytes each), type (4): 1 RAM, 2 reserved</td></tr>
 * </table>
 */
final class BootParams {

    static final int BYTES = 4096;

    /** The end of base memory: above it a BIOS keeps its data, and here the MP table is. */
    static final long BASE_MEMORY_END_GPA = 0x9fc00;

    private static final long FIRST_MIB = 0x100000;
    private static final int RAM = 1;
    private static final int RESERVED = 2;

    /** A range of the memory map. */
    record Range(long gpa, long lengthBytes, int type) {}

    private BootParams() {}

    /** Writes the screen and the memory map. */
    static void describeMachine(ByteBuffer params, GuestAddresses guest) {
        params.put(0x06, (byte) 3);
        params.put(0x07, (byte) 80);
        params.put(0x0e, (byte) 25);
        params.put(0x0f, (byte) 1);
        params.putInt(0x1e0, (int) ((guest.lowBytes() - FIRST_MIB) >> 10));
        List<Range> map = memoryMap(guest);
        params.put(0x1e8, (byte) map.size());
        int at = 0x2d0;
        for (Range range : map) {
            params.putLong(at, range.gpa()).putLong(at + 8, range.lengthBytes()).putInt(at + 16, range.type());
            at += 20;
        }
    }

    /** {@return the guest's memory map} */
    static List<Range> memoryMap(GuestAddresses guest) {
        List<Range> map = new ArrayList<>();
        map.add(new Range(0, BASE_MEMORY_END_GPA, RAM));
        map.add(new Range(BASE_MEMORY_END_GPA, FIRST_MIB - BASE_MEMORY_END_GPA, RESERVED));
        map.add(new Range(FIRST_MIB, guest.lowBytes() - FIRST_MIB, RAM));
        if (guest.highBytes() > 0) {
            map.add(new Range(GuestAddresses.ABOVE_HOLE_GPA, guest.highBytes(), RAM));
        }
        return map;
    }
}
