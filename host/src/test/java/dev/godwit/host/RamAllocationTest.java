package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Sharing;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RamAllocationTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 8 << 20), new RamBlock("/rom@etc/tables", 64 << 10)));

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void memory_is_as_long_as_its_blocks_zero_and_keeps_what_is_written(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            GuestMemory memory = ram.memory();
            for (int block = 0; block < 2; block++) {
                long last = LAYOUT.block(block).lengthBytes() - 8;
                assertThat(NativeMemory.load(memory.hostAddress(block, last))).isZero();
                NativeMemory.store(memory.hostAddress(block, last), 7 + block);
                assertThat(NativeMemory.load(memory.hostAddress(block, last))).isEqualTo(7 + block);
            }
            boolean huge = options.backing() == RamBacking.HUGETLB_2M;
            assertThat(memory.hostPageBytes()).containsExactly(huge ? 2L << 20 : 4096L, 4096L);
        }
    }

    @Test
    void a_memory_file_is_the_same_memory_for_whoever_maps_it_and_cannot_be_cut() throws IOException {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.of(RamBacking.MEMFD))) {
            Memfd memfd = ram.memfd(0).orElseThrow();
            try (Mapping other = Mapping.of(memfd, 0, 8 << 20, Sharing.SHARED, Protection.READ_WRITE)) {
                NativeMemory.store(ram.memory().hostAddress(0, 4096), 42);
                assertThat(NativeMemory.load(other.address() + 4096)).isEqualTo(42);
            }
            assertThatThrownBy(() -> memfd.truncate(4096)).isInstanceOf(LinuxException.class);
        }
    }

    @Test
    void anonymous_memory_has_no_file() throws IOException {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.DEFAULT)) {
            assertThat(ram.memfd(0)).isEmpty();
        }
    }

    @Test
    void more_huge_pages_than_there_are_free_are_refused_with_the_command_that_gets_them() {
        RamLayout far = new RamLayout(List.of(new RamBlock("ram", 1L << 45)));
        assertThatIOException()
                .isThrownBy(() -> RamAllocation.allocate(far, RamOptions.of(RamBacking.HUGETLB_2M)))
                .withMessageContaining("needs 16777216 huge pages of 2 MiB")
                .withMessageContaining("sudo sysctl vm.nr_hugepages=");
    }

    @Test
    void a_block_that_is_no_multiple_of_the_huge_page_is_refused() {
        RamLayout odd = new RamLayout(List.of(new RamBlock("ram", (2 << 20) + 4096)));
        assertThatIOException()
                .isThrownBy(() -> RamAllocation.allocate(odd, RamOptions.of(RamBacking.HUGETLB_2M)))
                .withMessage("block ram has 2101248 bytes, no multiple of the huge page of 2097152");
    }

    @Test
    void transparent_huge_pages_on_real_ones_are_a_mistake() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new RamOptions(RamBacking.HUGETLB_2M, TransparentHugePages.WANTED));
    }
}
