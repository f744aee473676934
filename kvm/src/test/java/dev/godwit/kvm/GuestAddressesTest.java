package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.kvm.BootParams.Range;
import dev.godwit.linux.Mapping;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The hole below 4 GiB, and what the guest is told of its memory. The memory is mapped and hardly touched. */
class GuestAddressesTest {

    private static final long GIB = 1L << 30;

    @Test
    void ram_of_up_to_3_gib_is_one_piece() throws Exception {
        try (Mapping mapping = Mapping.anonymous(3 * GIB)) {
            GuestAddresses guest = GuestAddresses.of(TestGuest.memoryOf(mapping));
            assertThat(guest.slots()).containsExactly(new GuestAddresses.Slot(0, 0, 0, 3 * GIB));
            assertThat(guest.highBytes()).isZero();
        }
    }

    @Test
    void ram_goes_on_behind_the_hole_at_4_gib() throws Exception {
        try (Mapping mapping = Mapping.anonymous(5 * GIB)) {
            GuestAddresses guest = GuestAddresses.of(TestGuest.memoryOf(mapping));
            assertThat(guest.slots())
                    .containsExactly(
                            new GuestAddresses.Slot(0, 0, 0, 3 * GIB),
                            new GuestAddresses.Slot(1, 4 * GIB, 3 * GIB, 2 * GIB));
            assertThat(guest.ramOffset(3 * GIB - 1, 1)).isEqualTo(3 * GIB - 1);
            assertThat(guest.ramOffset(4 * GIB, 1)).isEqualTo(3 * GIB);
            guest.write(6 * GIB - 2, new byte[] {1, 2});
            assertThat(mapping.memory().get(ValueLayout.JAVA_BYTE, 5 * GIB - 1)).isEqualTo((byte) 2);
            for (long gpa : new long[] {3 * GIB - 1, 3 * GIB, 4 * GIB - 1, 6 * GIB - 1, -1}) {
                assertThatThrownBy(() -> guest.ramOffset(gpa, 2)).hasMessageContaining("not the guest's RAM");
            }
            assertThat(BootParams.memoryMap(guest))
                    .containsExactly(
                            new Range(0, 0x9fc00, 1),
                            new Range(0x9fc00, 0x60400, 2),
                            new Range(0x100000, 3 * GIB - 0x100000, 1),
                            new Range(4 * GIB, 2 * GIB, 1));
        }
    }

    @Test
    void the_memory_map_stands_in_boot_params_where_linux_looks_for_it() throws Exception {
        try (Mapping mapping = Mapping.anonymous(16 << 20)) {
            ByteBuffer params = LongMode.littleEndian(BootParams.BYTES);
            BootParams.describeMachine(params, GuestAddresses.of(TestGuest.memoryOf(mapping)));
            assertThat(params.get(0x1e8)).isEqualTo((byte) 3);
            assertThat(params.getLong(0x2d0 + 40)).isEqualTo(0x100000);
            assertThat(params.getLong(0x2d0 + 48)).isEqualTo(15 << 20);
            assertThat(params.getInt(0x2d0 + 56)).isEqualTo(1);
            assertThat(params.getInt(0x1e0)).isEqualTo(15 << 10);
        }
    }

    @Test
    void memory_of_two_blocks_is_refused() {
        RamBlock one = new RamBlock("a", Page.SIZE_BYTES);
        RamBlock two = new RamBlock("b", Page.SIZE_BYTES);
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        GuestMemory memory =
                new GuestMemory(new RamLayout(List.of(one, two)), List.of(page, page), List.of(4096L, 4096L));
        assertThatThrownBy(() -> GuestAddresses.of(memory)).hasMessageContaining("one block of RAM");
    }
}
