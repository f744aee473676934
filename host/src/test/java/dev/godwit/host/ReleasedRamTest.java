package dev.godwit.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.ReleasedRam;
import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReleasedRamTest {

    private static final long PAGES = 4096;
    private static final RamLayout LAYOUT = new RamLayout(List.of(new RamBlock("ram", PAGES * 4096)));

    @ParameterizedTest
    @EnumSource(
            value = RamBacking.class,
            names = {"ANONYMOUS", "MEMFD"})
    void memory_is_given_back_when_the_guest_runs_elsewhere_and_not_before(RamBacking backing) throws IOException {
        try (RamAllocation ram = RamAllocation.allocate(LAYOUT, RamOptions.of(backing))) {
            for (long page = 0; page < PAGES; page++) {
                NativeMemory.store(address(ram, page), page + 1);
            }
            PageBitmap missing = new PageBitmap(PAGES);
            missing.set(2048, 100);
            AtomicInteger told = new AtomicInteger();
            ReleasedRam released = new ReleasedRam(
                    new UserfaultfdRam(ram, false),
                    PageClaims.ofMissing(LAYOUT, ram.memory().hostPageBytes(), List.of(missing)),
                    told::incrementAndGet);

            released.sent(0, 2048 * 4096, 4096);
            assertThat(LongStream.range(0, PAGES).allMatch(page -> holds(ram, page)))
                    .as("the guest may come back")
                    .isTrue();

            released.runs();
            assertThat(told).hasValue(1);
            released.sent(0, 2049 * 4096, 4096);
            assertThat(holds(ram, 2049)).isFalse();
            assertThat(holds(ram, 0)).as("it was there before").isFalse();
            assertThat(holds(ram, 2050)).as("it is not sent yet").isTrue();
            for (int page = 2050; page < 2060; page++) {
                released.sent(0, page * 4096L, 4096);
            }
            assertThat(LongStream.range(0, PAGES).filter(page -> holds(ram, page)))
                    .as("what is not sent, and what was sent too early")
                    .containsExactlyElementsOf(LongStream.concat(LongStream.of(2048), LongStream.range(2060, 2148))
                            .boxed()
                            .toList());

            released.end();
            assertThat(LongStream.range(0, PAGES).noneMatch(page -> holds(ram, page)))
                    .isTrue();
        }
    }

    private static long address(RamAllocation ram, long page) {
        return ram.memory().hostAddress(0, page * 4096);
    }

    private static boolean holds(RamAllocation ram, long page) {
        return NativeMemory.load(address(ram, page)) == page + 1;
    }
}
