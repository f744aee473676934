package dev.godwit.kvm;

import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the guest has its RAM. One linear block is mapped in two pieces, as a PC's chipset does it, because the top of
 * the first 4 GiB belongs to devices:
 *
 * <table>
 * <caption>Guest-physical addresses</caption>
 * <tr><th>gpa</th><th>what</th></tr>
 * <tr><td>0 to min(RAM, 3 GiB)</td><td>the block, from its start</td></tr>
 * <tr><td>3 GiB to 4 GiB</td><td>no memory: I/O APIC, local APICs, KVM's own pages</td></tr>
 * <tr><td>from 4 GiB</td><td>the rest of the block</td></tr>
 * </table>
 *
 * @param memory the block, exactly one
 * @param slots the pieces, by slot number
 */
record GuestAddresses(GuestMemory memory, List<Slot> slots) {

    /** Where the hole for devices begins, as on QEMU's pc with more than 3.5 GiB: 3 GiB. */
    static final long HOLE_GPA = 3L << 30;

    /** Where memory goes on behind the hole. */
    static final long ABOVE_HOLE_GPA = 4L << 30;

    /**
     * A piece of the block.
     *
     * @param number KVM's number of the slot
     * @param gpa where the guest has it
     * @param ramOffset where it starts in the block
     * @param lengthBytes how long it is
     */
    record Slot(int number, long gpa, long ramOffset, long lengthBytes) {
        long pages() {
            return lengthBytes / Page.SIZE_BYTES;
        }
    }

    static GuestAddresses of(GuestMemory memory) {
        if (memory.blocks().size() != 1) {
            throw new IllegalArgumentException("a KVM machine has one block of RAM: blocks="
                    + memory.layout().blocks());
        }
        long ramBytes = memory.block(0).byteSize();
        List<Slot> slots = new ArrayList<>();
        long lowBytes = Math.min(ramBytes, HOLE_GPA);
        slots.add(new Slot(0, 0, 0, lowBytes));
        if (ramBytes > lowBytes) {
            slots.add(new Slot(1, ABOVE_HOLE_GPA, lowBytes, ramBytes - lowBytes));
        }
        return new GuestAddresses(memory, List.copyOf(slots));
    }

    /** {@return how much RAM lies below the hole, in bytes} */
    long lowBytes() {
        return slots.getFirst().lengthBytes();
    }

    /** {@return how much RAM lies above the hole, in bytes} */
    long highBytes() {
        return slots.size() == 1 ? 0 : slots.getLast().lengthBytes();
    }

    /**
     * {@return where a piece of guest-physical memory lies in the block}
     *
     * @throws IllegalArgumentException if it is not all RAM, or goes over the hole
     */
    long ramOffset(long gpa, long lengthBytes) {
        for (Slot slot : slots) {
            if (gpa >= slot.gpa() && lengthBytes >= 0 && gpa - slot.gpa() <= slot.lengthBytes() - lengthBytes) {
                return slot.ramOffset() + (gpa - slot.gpa());
            }
        }
        throw new IllegalArgumentException("not the guest's RAM: gpa=0x%x, lengthBytes=%d".formatted(gpa, lengthBytes));
    }

    /** {@return guest-physical memory} */
    MemorySegment at(long gpa, long lengthBytes) {
        return memory.block(0).asSlice(ramOffset(gpa, lengthBytes), lengthBytes);
    }

    void write(long gpa, byte[] bytes) {
        write(gpa, ByteBuffer.wrap(bytes));
    }

    /** Copies in native code: the page may be write-protected, and whoever serves it not be kept waiting. */
    void write(long gpa, ByteBuffer bytes) {
        MemorySegment target = at(gpa, bytes.remaining());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(Math.max(1, target.byteSize()));
            MemorySegment.copy(MemorySegment.ofBuffer(bytes), 0, copy, 0, target.byteSize());
            NativeMemory.copy(target.address(), copy.address(), target.byteSize());
        }
    }
}
