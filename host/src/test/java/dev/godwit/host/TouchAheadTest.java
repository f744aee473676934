package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.PageCategory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class TouchAheadTest {

    private static final long EXTENT_BYTES = MemoryAhead.EXTENT_BYTES;
    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("ram", 16 * EXTENT_BYTES), new RamBlock("vram", 64 << 10)));

    @BeforeEach
    void needs_a_kernel_that_tells_what_was_touched() {
        Memories.assumePagemapScan();
    }

    @ParameterizedTest
    @MethodSource("dev.godwit.host.Memories#all")
    void what_is_wanted_soon_is_touched_and_nothing_else(RamOptions options) throws IOException {
        Memories.assumePossible(options, LAYOUT);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                MemoryAhead ahead = new UserfaultfdRam(ram, false).ahead()) {
            NativeMemory.store(ram.memory().hostAddress(0, EXTENT_BYTES), 77);
            for (int extent = 1; extent < 5; extent++) {
                ahead.soon(0, extent);
            }
            ahead.soon(1, 0);
            ahead.soon(1, 1); // behind the end
            ahead.soon(0, 16);
            while (!isTouched(ram, 0, 1, 5) || presentBytes(ram, 1, 0, 64 << 10) < 64 << 10) {
                Thread.onSpinWait();
            }
            assertThat(NativeMemory.load(ram.memory().hostAddress(0, EXTENT_BYTES)))
                    .isEqualTo(77);
            if (options.backing() != RamBacking.HUGETLB_2M) {
                assertThat(presentBytes(ram, 0, 0, EXTENT_BYTES)).isZero();
                assertThat(presentBytes(ram, 0, 5 * EXTENT_BYTES, 11 * EXTENT_BYTES))
                        .isZero();
            }
        }
    }

    @Test
    void who_comes_to_an_extent_finds_it_touched_whole_or_one_page_of_it() throws IOException {
        RamOptions options = new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED);
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options);
                MemoryAhead ahead = new UserfaultfdRam(ram, false).ahead()) {
            for (int extent = 0; extent < 16; extent++) {
                ahead.soon(0, extent);
                for (int spins = random.nextInt(2000); spins > 0; spins--) {
                    Thread.onSpinWait();
                }
                ahead.now(0, extent * EXTENT_BYTES + 8192);
                assertThat(presentBytes(ram, 0, extent * EXTENT_BYTES, EXTENT_BYTES))
                        .as("extent %d, seed %d", extent, seed)
                        .isIn(4096L, EXTENT_BYTES);
            }
        }
    }

    @Test
    void after_the_close_nothing_is_touched() throws IOException {
        RamOptions options = new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED);
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, options)) {
            MemoryAhead ahead = new UserfaultfdRam(ram, false).ahead();
            for (int extent = 0; extent < 16; extent++) {
                ahead.soon(0, extent);
            }
            ahead.close();
            long bytes = presentBytes(ram, 0, 0, 16 * EXTENT_BYTES);
            assertThat(bytes % EXTENT_BYTES).as("whole extents").isZero();
            ahead.soon(0, 15);
            ahead.now(0, 15 * EXTENT_BYTES);
            ahead.close();
            assertThat(presentBytes(ram, 0, 0, 16 * EXTENT_BYTES)).isEqualTo(bytes);
        }
    }

    private static boolean isTouched(RamAllocation ram, int block, int from, int to) throws LinuxException {
        long bytes = (to - from) * EXTENT_BYTES;
        return presentBytes(ram, block, from * EXTENT_BYTES, bytes) == bytes;
    }

    private static long presentBytes(RamAllocation ram, int block, long offsetBytes, long lengthBytes)
            throws LinuxException {
        return Memories.bytesOf(PageCategory.PRESENT, ram, block, offsetBytes, offsetBytes + lengthBytes);
    }
}
