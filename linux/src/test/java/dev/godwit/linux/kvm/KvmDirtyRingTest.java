package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program's side of a dirty ring against the kernel's side, written down here as the kernel does it. */
class KvmDirtyRingTest {

    private static final int CAPACITY = 64;

    /** The kernel's side: it never looks whether an entry is free. */
    private static final class KernelSide {
        final MemorySegment entries;
        int dirtyIndex;
        int resetIndex;

        KernelSide(Arena arena) {
            entries = arena.allocate(CAPACITY * 16L, 16);
        }

        void push(long page) {
            long place = (dirtyIndex++ & (CAPACITY - 1)) * 16L;
            entries.set(JAVA_INT, place + 4, 0);
            entries.set(JAVA_LONG, place + 8, page);
            entries.set(JAVA_INT, place, KvmRequests.KVM_DIRTY_GFN_F_DIRTY);
        }

        void reset() {
            while ((entries.get(JAVA_INT, place()) & KvmRequests.KVM_DIRTY_GFN_F_RESET) != 0) {
                entries.set(JAVA_INT, place(), 0);
                resetIndex++;
            }
        }

        private long place() {
            return (resetIndex & (CAPACITY - 1)) * 16L;
        }

        int used() {
            return dirtyIndex - resetIndex;
        }
    }

    @Test
    void what_the_kernel_noted_is_collected_once_and_in_order() {
        try (Arena arena = Arena.ofConfined()) {
            KernelSide kernel = new KernelSide(arena);
            KvmDirtyRing ring = new KvmDirtyRing(kernel.entries);
            StringBuilder seen = new StringBuilder();
            kernel.push(7);
            kernel.push(9);
            assertThat(ring.collect((slot, page) -> seen.append(page).append(' ')))
                    .isEqualTo(2);
            assertThat(ring.collect((slot, page) -> seen.append(page).append(' ')))
                    .isZero();
            kernel.reset();
            kernel.push(11);
            assertThat(ring.collect((slot, page) -> seen.append(page).append(' ')))
                    .isEqualTo(1);
            assertThat(seen).hasToString("7 9 11 ");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void after_an_overrun_which_is_told_nothing_is_missed_and_the_kernel_finds_its_place(long seed) {
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            KernelSide kernel = new KernelSide(arena);
            KvmDirtyRing ring = new KvmDirtyRing(kernel.entries);
            int overruns = 0;
            long page = 0;
            for (int turn = 0; turn < 20_000; turn++) {
                Set<Long> pushed = new HashSet<>();
                // A vCPU leaves the guest when the ring is nearly full; now and then a burst comes before that.
                int burst = random.nextInt(8) == 0 ? CAPACITY / 2 : 0;
                int entries = random.nextInt(Math.max(1, CAPACITY - kernel.used())) + random.nextInt(burst + 1);
                for (int i = 0; i < entries; i++) {
                    kernel.push(page);
                    pushed.add(page++);
                }
                Set<Long> seen = new HashSet<>();
                int taken = ring.collect((slot, one) -> seen.add(one));
                kernel.reset();
                if (taken == CAPACITY) {
                    overruns++;
                    assertThat(pushed).containsAll(seen);
                } else {
                    assertThat(seen).isEqualTo(pushed);
                    assertThat(kernel.used()).isLessThan(CAPACITY);
                    if (entries > 0) {
                        assertThat(kernel.used()).as("turn " + turn).isZero();
                    }
                }
            }
            assertThat(overruns).isPositive();
        }
    }
}
