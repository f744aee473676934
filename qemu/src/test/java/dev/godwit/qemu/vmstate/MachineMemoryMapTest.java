package dev.godwit.qemu.vmstate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qemu.vmstate.MachineMemoryMap.Place;
import dev.godwit.qemu.vmstate.MachineMemoryMap.Range;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The expected values are those that {@code info mtree -f} of QEMU 10.0.2 shows for these machines. */
class MachineMemoryMapTest {

    private static final long MIB = 1 << 20;

    @ParameterizedTest
    @CsvSource({
        "pc-i440fx-10.0, pc.ram, 3583, 0xdff00000",
        "pc-i440fx-10.0, pc.ram, 3584, 0xc0000000",
        "pc-i440fx-7.2, pc.ram, 8192, 0xc0000000",
        "pc-q35-10.0, pc.ram, 2560, 0xa0000000",
        "pc-q35-10.0, pc.ram, 2815, 0xaff00000",
        "pc-q35-10.0, pc.ram, 2816, 0x80000000",
        "pc-q35-10.0, pc.ram, 8192, 0x80000000",
        "microvm, microvm.ram, 3072, 0xc0000000",
        "microvm, microvm.ram, 3073, 0xc0000000"
    })
    void main_memory_has_a_hole_below_four_gib(String machine, String block, long lengthMib, String lowEnd) {
        long lowBytes = Long.decode(lowEnd);
        long lengthBytes = lengthMib * MIB;
        MachineMemoryMap map = MachineMemoryMap.of(machine, layout(block, lengthBytes));

        assertThat(map.ranges().getFirst()).isEqualTo(new Range(1, 0, 0, lowBytes));
        assertThat(map.gpa(1, lowBytes - 1)).hasValue(lowBytes - 1);
        assertThat(map.place(lowBytes)).isEmpty();
        if (lowBytes < lengthBytes) {
            assertThat(map.ranges().get(1)).isEqualTo(new Range(1, lowBytes, 1L << 32, lengthBytes - lowBytes));
            assertThat(map.gpa(1, lowBytes)).hasValue(1L << 32);
            assertThat(map.place((1L << 32) + 5)).contains(new Place(1, lowBytes + 5));
        }
        assertThat(map.gpa(1, lengthBytes)).isEmpty();
        assertThat(map.place((1L << 32) + lengthBytes - lowBytes)).isEmpty();
        assertThat(map.place(-1)).isEmpty();
        assertThat(map.gpa(0, 0)).isEmpty();
    }

    @Test
    void the_firmware_ends_at_four_gib() {
        MachineMemoryMap map = MachineMemoryMap.of("pc-q35-10.0", layout("pc.ram", 64 * MIB));
        assertThat(map.gpa(2, 0)).hasValue(0xfffc_0000L);
        assertThat(map.place(0xffff_fff0L)).contains(new Place(2, 0x3fff0));
    }

    @Test
    void what_is_not_known_has_no_ranges() {
        assertThat(MachineMemoryMap.of("virt-10.0", layout("mach-virt.ram", 64 * MIB))
                        .ranges())
                .isEmpty();
        assertThat(MachineMemoryMap.of("pc-q35-10.0", layout("m0", 64 * MIB)).gpa(1, 0))
                .isEmpty();
        assertThat(MachineMemoryMap.of("pc-i440fx-2.0", layout("pc.ram", 64 * MIB))
                        .ranges())
                .isEmpty();
        assertThat(MachineMemoryMap.of("pc-q35-10.0", layout("pc.ram", 1L << 40))
                        .gpa(1, 0))
                .isEmpty();
    }

    private static RamLayout layout(String main, long lengthBytes) {
        return new RamLayout(List.of(
                new RamBlock("vga.vram", 16 * MIB), new RamBlock(main, lengthBytes), new RamBlock("pc.bios", 0x40000)));
    }
}
