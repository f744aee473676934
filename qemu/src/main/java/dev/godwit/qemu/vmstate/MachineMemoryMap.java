package dev.godwit.qemu.vmstate;

import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where the RAM blocks of a machine lie in its guest physical address space, as far as machine type and block lengths
 * tell. Immutable.
 *
 * <p>Main memory is one block with a hole below 4 GiB that is not in it. Its low part ends
 *
 * <ul>
 *   <li>on {@code pc} at 0xc0000000 where it is at least 0xe0000000 long;
 *   <li>on {@code q35} at 0x80000000 where it is at least 0xb0000000 long;
 *   <li>on {@code microvm} and Godwit's own {@code godwit-kvm} at 0xc0000000 where it is longer than that;
 *   <li>on Godwit's own {@code godwit-workload}, whose guest knows no addresses, at 0xf0000000, as on Xen;
 * </ul>
 *
 * and the rest lies from 4 GiB on; shorter memory has no high part. {@code pc.bios} ends at 4 GiB. The block of a
 * domain of Xen's ({@link #XEN_HVM}) holds its holes too: an offset is an address.
 *
 * <p>The stream does not tell the machine option {@code max-ram-below-4g}: a machine that was started with it lies
 * otherwise than this map says. What the chipset lays over memory (video memory from 0xa0000, firmware up to 0xfffff)
 * is not looked at either. Other machine types, memory of another name (a backend of the user's) and memory so long
 * that its place depends on the processor are not known and have no ranges.
 */
public final class MachineMemoryMap {

    /** The machine type that Godwit gives to what was saved by Xen; QEMU has none of that name. */
    public static final String XEN_HVM = "xen-hvm";

    /** The block that has the RAM of such a domain, in QEMU's words. */
    public static final String XEN_RAM = "xen.ram";

    private static final long FOUR_GIB = 1L << 32;
    private static final long PC_LIMIT = 0xe000_0000L;
    private static final long PC_SPLIT = 0xc000_0000L;
    private static final long Q35_LIMIT = 0xb000_0000L;
    private static final long Q35_SPLIT = 0x8000_0000L;
    private static final long MICROVM_SPLIT = 0xc000_0000L;
    private static final long XEN_SPLIT = 0xf000_0000L;

    /** Beyond, an AMD processor's reserved range below 1 TiB may move the high part. */
    private static final long MAX_KNOWN_LENGTH_BYTES = 512L << 30;

    private static final String BIOS = "pc.bios";

    private final List<Range> ranges;

    /**
     * A run of guest physical memory that is in one block.
     *
     * @param blockIndex the block's index in the layout
     * @param offsetBytes where the run begins in the block
     * @param gpa where it begins in guest physical memory
     * @param lengthBytes of the run
     */
    public record Range(int blockIndex, long offsetBytes, long gpa, long lengthBytes) {}

    /**
     * A byte of a block.
     *
     * @param blockIndex the block's index in the layout
     * @param offsetBytes where it lies in the block
     */
    public record Place(int blockIndex, long offsetBytes) {}

    private MachineMemoryMap(List<Range> ranges) {
        this.ranges = List.copyOf(ranges);
    }

    /**
     * {@return the map of a machine} It has no ranges where nothing is known.
     *
     * @param machineType the versioned name from the configuration section, for example {@code pc-q35-10.0}
     */
    public static MachineMemoryMap of(String machineType, RamLayout layout) {
        List<Range> ranges = new ArrayList<>();
        boolean known = true;
        if (machineType.startsWith("pc-q35-") || machineType.equals("q35")) {
            addMain(ranges, layout, "pc.ram", Q35_LIMIT, Q35_SPLIT);
        } else if (machineType.equals("pc") || (machineType.startsWith("pc-i440fx-") && !isBefore21(machineType))) {
            addMain(ranges, layout, "pc.ram", PC_LIMIT, PC_SPLIT);
        } else if (machineType.equals("microvm")) {
            addMain(ranges, layout, "microvm.ram", MICROVM_SPLIT + 1, MICROVM_SPLIT);
        } else if (machineType.startsWith("godwit-kvm-")) {
            addMain(ranges, layout, "ram", MICROVM_SPLIT + 1, MICROVM_SPLIT);
        } else if (machineType.startsWith("godwit-workload-")) {
            addMain(ranges, layout, "ram", XEN_SPLIT + 1, XEN_SPLIT);
        } else if (machineType.equals(XEN_HVM)) {
            addMain(ranges, layout, XEN_RAM, Long.MAX_VALUE, Long.MAX_VALUE);
        } else {
            known = false;
        }
        int bios = layout.indexOf(BIOS);
        if (known && bios >= 0 && layout.block(bios).lengthBytes() <= 16 << 20) {
            long lengthBytes = layout.block(bios).lengthBytes();
            ranges.add(new Range(bios, 0, FOUR_GIB - lengthBytes, lengthBytes));
        }
        return new MachineMemoryMap(ranges);
    }

    /** Before 2.1 the low part of {@code pc} was not aligned to a GiB. */
    private static boolean isBefore21(String machineType) {
        return machineType.matches("pc-i440fx-([01]\\.\\d+|2\\.0)");
    }

    private static void addMain(List<Range> ranges, RamLayout layout, String id, long limit, long split) {
        int index = layout.indexOf(id);
        if (index < 0) {
            return;
        }
        RamBlock block = layout.block(index);
        if (block.lengthBytes() > MAX_KNOWN_LENGTH_BYTES) {
            return;
        }
        long lowBytes = block.lengthBytes() >= limit ? split : block.lengthBytes();
        ranges.add(new Range(index, 0, 0, lowBytes));
        if (lowBytes < block.lengthBytes()) {
            ranges.add(new Range(index, lowBytes, FOUR_GIB, block.lengthBytes() - lowBytes));
        }
    }

    /** {@return the known ranges, those of one block in the order of their offsets; empty where nothing is known} */
    public List<Range> ranges() {
        return ranges;
    }

    /** {@return the guest physical address of a byte of a block, where it is known} */
    public OptionalLong gpa(int blockIndex, long offsetBytes) {
        for (Range range : ranges) {
            long within = offsetBytes - range.offsetBytes();
            if (range.blockIndex() == blockIndex && within >= 0 && within < range.lengthBytes()) {
                return OptionalLong.of(range.gpa() + within);
            }
        }
        return OptionalLong.empty();
    }

    /** {@return what lies at a guest physical address, where it is known} */
    public Optional<Place> place(long gpa) {
        for (Range range : ranges) {
            long within = gpa - range.gpa();
            if (within >= 0 && within < range.lengthBytes()) {
                return Optional.of(new Place(range.blockIndex(), range.offsetBytes() + within));
            }
        }
        return Optional.empty();
    }
}
