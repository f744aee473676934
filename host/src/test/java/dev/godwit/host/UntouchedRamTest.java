package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.PageCategory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class UntouchedRamTest {

    private static final int PAGE_BYTES = 4096;
    private static final long EXTENT_BYTES = MemoryAhead.EXTENT_BYTES;
    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 8 * EXTENT_BYTES), new RamBlock("vram", 64 << 10)));

    @BeforeEach
    void needs_a_kernel_that_tells_what_was_touched() {
        Memories.assumePagemapScan();
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void an_extent_is_untouched_until_a_page_of_it_is(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            if (options.backing() != RamBacking.HUGETLB_2M) { // whose pages are had with the memory
                assertThat(UntouchedRam.extents(ram, 0).cardinality()).isEqualTo(8);
            }
            assertThat(UntouchedRam.extents(ram, 1).cardinality()).isOne();
            NativeMemory.store(ram.memory().hostAddress(0, EXTENT_BYTES - 8), 77);
            NativeMemory.store(ram.memory().hostAddress(0, 5 * EXTENT_BYTES), 77);
            NativeMemory.store(ram.memory().hostAddress(1, 32 << 10), 77);
            if (options.backing() != RamBacking.HUGETLB_2M) {
                assertThat(UntouchedRam.extents(ram, 0).stream()).containsExactly(1, 2, 3, 4, 6, 7);
            }
            assertThat(UntouchedRam.extents(ram, 1).cardinality()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void zero_pages_need_no_memory(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                MemoryAhead ahead = new UserfaultfdRam(ram, false).ahead()) {
            MachineSink sink = new MachineSink(ram.memory(), ahead);
            sink.begin(LAYOUT);
            PageLane lane = sink.lane();
            lane.zeroPages(0, 0, 8 * EXTENT_BYTES);
            lane.zeroPages(1, 0, 64 << 10);
            lane.pages(
                    0,
                    3 * EXTENT_BYTES,
                    MemorySegment.ofArray(new byte[PAGE_BYTES]).fill((byte) 7));
            lane.zeroPages(0, 3 * EXTENT_BYTES, PAGE_BYTES);
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 3 * EXTENT_BYTES)))
                    .isZero();
            if (options.backing() != RamBacking.HUGETLB_2M) {
                assertThat(UntouchedRam.extents(ram, 0).stream()).containsExactly(0, 1, 2, 4, 5, 6, 7);
                assertThat(UntouchedRam.extents(ram, 1).cardinality()).isOne();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void what_is_made_readable_has_the_kernels_zeros_and_no_memory(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            NativeMemory.store(ram.memory().hostAddress(0, 2 * EXTENT_BYTES), 77);
            UntouchedRam.makeReadable(ram);
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, 2 * EXTENT_BYTES)))
                    .isEqualTo(77);
            if (options.backing() == RamBacking.ANONYMOUS) {
                assertThat(Memories.bytesOf(PageCategory.PFNZERO, ram, 0, 0, 2 * EXTENT_BYTES))
                        .isEqualTo(2 * EXTENT_BYTES);
                assertThat(Memories.bytesOf(PageCategory.PFNZERO, ram, 0, 2 * EXTENT_BYTES, 3 * EXTENT_BYTES))
                        .isZero();
                assertThat(Memories.bytesOf(PageCategory.PFNZERO, ram, 0, 3 * EXTENT_BYTES, 8 * EXTENT_BYTES))
                        .isEqualTo(5 * EXTENT_BYTES);
            }
            if (options.backing() == RamBacking.MEMFD) { // to read it would be to have it
                assertThat(UntouchedRam.extents(ram, 0).cardinality()).isEqualTo(7);
            }
        }
    }
}
