package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class VisitOrderTest {

    static Stream<VcpuSequence> sequences() {
        return Stream.of(WorkloadPattern.values())
                .flatMap(pattern -> Stream.of(1, 2, 3, 5, 64, 100, 1000)
                        .flatMap(pages -> Stream.of(0, 1, 50, 90)
                                .map(hot -> new VcpuSequence(
                                        WorkloadLoad.of(0, pattern).withHot(hot, 10), pages, pages * 31L + hot))));
    }

    @ParameterizedTest
    @MethodSource("sequences")
    void what_is_computed_of_a_sequence_is_what_counting_gives(VcpuSequence sequence) {
        long[] writes = new long[1000];
        for (long step = 0; step < 5000; step++) {
            int page = (int) sequence.pageAt(step);
            assertThat(sequence.earlierWrites(step)).isEqualTo(writes[page]);
            writes[page]++;
            if (step % 97 == 0) {
                for (int other = 0; other < 3; other++) {
                    assertThat(sequence.writesOf(other == 0 ? page : 0, step + 1))
                            .isEqualTo(writes[other == 0 ? page : 0]);
                }
            }
        }
        for (int page = 0; page < writes.length; page++) {
            if (writes[page] > 0) {
                assertThat(sequence.writesOf(page, 5000)).isEqualTo(writes[page]);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(WorkloadPattern.class)
    void every_page_is_written_sooner_or_later(WorkloadPattern pattern) {
        VcpuSequence sequence = new VcpuSequence(WorkloadLoad.of(0, pattern).withHot(80, 5), 300, 7);
        for (long page = 0; page < 300; page++) {
            assertThat(sequence.writesOf(page, 20_000)).as("page %d", page).isPositive();
        }
    }

    @Test
    void far_into_a_program_nothing_overflows() {
        for (WorkloadPattern pattern : WorkloadPattern.values()) {
            VcpuSequence sequence = new VcpuSequence(WorkloadLoad.of(0, pattern).withHot(99, 10), 1 << 20, 3);
            long step = VcpuSequence.MAX_STEPS - 1;
            long page = sequence.pageAt(step);
            assertThat(page).isBetween(0L, (1L << 20) - 1);
            assertThat(sequence.earlierWrites(step))
                    .isEqualTo(sequence.writesOf(page, step))
                    .isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 100, 127, 128, 129, 4097})
    void a_permutation_hits_every_number_once_and_is_undone(long length) {
        for (long key = 0; key < 5; key++) {
            boolean[] hit = new boolean[(int) length];
            for (long place = 0; place < length; place++) {
                long number = PagePermutation.at(place, length, Mixing.mix(key));
                assertThat(hit[(int) number]).isFalse();
                hit[(int) number] = true;
                assertThat(PagePermutation.placeOf(number, length, Mixing.mix(key)))
                        .isEqualTo(place);
            }
        }
    }

    @Test
    void the_hot_part_gets_its_share_and_zipf_prefers_few() {
        VcpuSequence hot =
                new VcpuSequence(WorkloadLoad.of(0, WorkloadPattern.RANDOM).withHot(90, 10), 1000, 1);
        long hotWrites = 0;
        for (long page = 0; page < 100; page++) {
            hotWrites += hot.writesOf(page, 100_000);
        }
        assertThat(hotWrites).isEqualTo(90_000);

        VisitOrder zipf = VisitOrder.of(WorkloadPattern.ZIPF, 1000, 1);
        long[] counts = new long[1000];
        for (long visit = 0; visit < 90_000; visit++) {
            counts[(int) zipf.memberAt(visit)]++;
        }
        java.util.Arrays.sort(counts);
        assertThat(counts[999]).isEqualTo(10_000);
        assertThat(counts[0]).isBetween(10L, 30L);
    }
}
