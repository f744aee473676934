package dev.godwit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HeapNeedTest {

    private static final long HEAP_BYTES = Runtime.getRuntime().maxMemory();

    @Test
    void half_of_the_heap_is_for_tables() {
        assertThat(new HeapNeed(HEAP_BYTES / 2).fits()).isTrue();
        assertThat(new HeapNeed(HEAP_BYTES / 2 + 1).fits()).isFalse();
    }

    @Test
    void the_remedy_names_the_heap_that_is_needed_and_the_one_that_is_there() {
        assertThat(new HeapNeed(10L << 30).remedy())
                .isEqualTo("a heap of 22529 MiB, and this JVM's has %d MiB; GODWIT_OPTS=-Xmx22529m sets it"
                        .formatted(HEAP_BYTES >> 20));
    }

    @Test
    void a_small_heap_makes_limits_smaller_and_a_large_one_not_larger() {
        assertThat(HeapNeed.limit(1000, 1)).isEqualTo(1000);
        assertThat(HeapNeed.limit(Integer.MAX_VALUE, Integer.MAX_VALUE))
                .isEqualTo((int) (HEAP_BYTES / Integer.MAX_VALUE));
    }
}
