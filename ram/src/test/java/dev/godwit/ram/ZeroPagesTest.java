package dev.godwit.ram;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ZeroPagesTest {

    private static final int PAGES = 70;

    private final MemorySegment memory = Arena.ofAuto().allocate((long) PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);

    @Test
    void a_page_with_one_byte_is_not_zero_wherever_that_is() {
        for (int at = 0; at < Page.SIZE_BYTES; at++) {
            memory.set(ValueLayout.JAVA_BYTE, Page.SIZE_BYTES + at, (byte) 1);

            assertThat(ZeroPages.isZero(memory, Page.SIZE_BYTES))
                    .as("byte %d", at)
                    .isFalse();
            assertThat(ZeroPages.zerosEnd(memory, 0, 3L * Page.SIZE_BYTES))
                    .as("byte %d", at)
                    .isEqualTo(Page.SIZE_BYTES);
            assertThat(ZeroPages.zerosEnd(memory, Page.SIZE_BYTES, 2L * Page.SIZE_BYTES))
                    .as("byte %d", at)
                    .isEqualTo(Page.SIZE_BYTES);

            memory.set(ValueLayout.JAVA_BYTE, Page.SIZE_BYTES + at, (byte) 0);
        }
    }

    @Test
    void zeros_end_where_looking_ends() {
        long endBytes = 5L * Page.SIZE_BYTES;
        memory.set(ValueLayout.JAVA_BYTE, endBytes, (byte) 1);

        assertThat(ZeroPages.zerosEnd(memory, 0, endBytes)).isEqualTo(endBytes);
        assertThat(ZeroPages.zerosEnd(memory, 0, endBytes + Page.SIZE_BYTES)).isEqualTo(endBytes);
        assertThat(ZeroPages.zerosEnd(memory, endBytes - Page.SIZE_BYTES, endBytes))
                .isEqualTo(endBytes);
    }

    @Test
    void zeros_end_where_one_page_after_the_other_says_so() {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 2000; round++) {
            memory.fill((byte) 0);
            for (int i = random.nextInt(6); i > 0; i--) {
                memory.set(ValueLayout.JAVA_BYTE, random.nextLong(memory.byteSize()), (byte) random.nextInt(1, 256));
            }
            long first = random.nextInt(PAGES);
            long end = random.nextLong(first + 1, PAGES + 1);
            long expected = first;
            while (expected < end && ZeroPages.isZero(memory, expected * Page.SIZE_BYTES)) {
                expected++;
            }

            assertThat(ZeroPages.zerosEnd(memory, first * Page.SIZE_BYTES, end * Page.SIZE_BYTES))
                    .as("seed %d, round %d, pages %d to %d", seed, round, first, end)
                    .isEqualTo(expected * Page.SIZE_BYTES);
        }
    }
}
