package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.TransparentHugePages;
import dev.godwit.linux.HugePages;
import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A machine's state and RAM in another machine are the same guest, which runs on. */
class MovedMachineTest {

    private static final long RAM_BYTES = 8 << 20;
    private static final Duration SOAK = Duration.ofSeconds(Long.getLong("godwit.soak", 5));

    static Stream<RamOptions> memories() {
        return Stream.of(
                new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED),
                new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.WANTED),
                RamOptions.of(RamBacking.MEMFD),
                RamOptions.of(RamBacking.HUGETLB_2M));
    }

    static Stream<Arguments> memoriesAndPatterns() {
        return memories()
                .flatMap(memory -> Stream.of(WorkloadPattern.values()).map(pattern -> Arguments.of(memory, pattern)));
    }

    static Stream<Arguments> memoriesAndSeeds() {
        return memories().flatMap(memory -> Stream.of(1L, 2L, 3L, 4L).map(seed -> Arguments.of(memory, seed)));
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("memoriesAndPatterns")
    void a_paused_machine_is_moved_twenty_times_and_runs_on(RamOptions memory, WorkloadPattern pattern)
            throws IOException {
        WorkloadOptions options = options(memory, pattern, 5);
        WorkloadMachine machine = WorkloadMachine.create(options);
        try {
            long writes = 0;
            for (int move = 0; move < 20; move++) {
                Guests.run(machine, 500);
                assertThat(machine.statistics().writtenPages()).isGreaterThanOrEqualTo(writes + 500);
                writes = machine.statistics().writtenPages();
                MachineState state = machine.save();
                // seed and content come with the state
                WorkloadMachine next =
                        WorkloadMachine.incoming(options.withSeed(move).withMaking(PageMaking.RANDOM_PAGES));
                Guests.copyRam(machine, next);
                machine.close();
                machine = next;
                machine.load(state);
                assertThat(machine.statistics().writtenPages()).isEqualTo(writes);
                assertThat(machine.verify().damages()).isEmpty();
            }
            Guests.run(machine, 500);
            assertThat(machine.verify().damages()).isEmpty();
        } finally {
            machine.close();
        }
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("memoriesAndSeeds")
    void copying_only_what_the_dirty_log_names_makes_an_equal_machine(RamOptions memory, long seed) throws IOException {
        assumeTrue(
                PagemapDirtyLog.missing().isEmpty(),
                () -> PagemapDirtyLog.missing().orElse(""));
        long untilNs = System.nanoTime() + SOAK.toNanos() / memoriesAndSeeds().count();
        WorkloadPattern pattern = List.of(WorkloadPattern.values()).get((int) (seed % 3));
        WorkloadMachine machine = WorkloadMachine.create(options(memory, pattern, seed));
        try {
            do {
                WorkloadMachine next = WorkloadMachine.incoming(options(memory, pattern, seed));
                MachineState state = precopy(machine, next);
                assertThat(next.isRunning()).isFalse();
                machine.close();
                machine = next;
                machine.load(state);
                assertThat(machine.verify().damages()).isEmpty();
            } while (System.nanoTime() < untilNs);
        } finally {
            machine.close();
        }
    }

    /** Copies all pages, then round after round those that were written meanwhile, the last round while it stands. */
    private static MachineState precopy(WorkloadMachine from, WorkloadMachine to) throws IOException {
        RamLayout layout = from.memory().layout();
        from.resume();
        List<PageBitmap> dirty = layout.blocks().stream()
                .map(block -> new PageBitmap(block.pages()))
                .toList();
        dirty.forEach(bitmap -> {
            for (long page = 0; page < bitmap.pages(); page++) {
                bitmap.set(page);
            }
        });
        try (DirtyLog log = from.startDirtyLog(from.dirtyLogMethods().getFirst())) {
            for (int round = 0; round < 5; round++) {
                copy(from, to, dirty);
                Guests.awaitWrites(from, 50);
                log.collect(dirty);
            }
            from.pause();
            log.collect(dirty);
            copy(from, to, dirty);
        }
        return from.save();
    }

    private static void copy(WorkloadMachine from, WorkloadMachine to, List<PageBitmap> dirty) {
        for (int block = 0; block < dirty.size(); block++) {
            PageBitmap bitmap = dirty.get(block);
            for (long page = bitmap.nextSet(0); page >= 0; page = bitmap.nextSet(page + 1)) {
                bitmap.clear(page);
                NativeMemory.copy(
                        to.memory().hostAddress(block, page * 4096),
                        from.memory().hostAddress(block, page * 4096),
                        4096);
            }
        }
    }

    @Test
    void a_page_that_was_left_out_of_the_copy_is_found_from_the_state_alone() throws IOException {
        WorkloadOptions options = WorkloadOptions.ofRam(RAM_BYTES).withVcpus(2);
        try (WorkloadMachine machine = WorkloadMachine.create(options);
                WorkloadMachine next = WorkloadMachine.incoming(options)) {
            Guests.run(machine, 5000);
            Guests.copyRam(machine, next);
            Guests.run(machine, 1);
            next.load(machine.save());
            WorkloadReport report = next.verify();
            assertThat(report.damagedPages()).isPositive();
            assertThat(report.damages()).extracting(PageDamage::kind).containsOnly(DamageKind.STALE);
        }
    }

    /** Two vCPUs, some zero pages, whole pages or parts of them; few enough pages for the dirty log to have rounds. */
    private static WorkloadOptions options(RamOptions memory, WorkloadPattern pattern, long seed) {
        WorkloadOptions options = WorkloadOptions.ofRam(RAM_BYTES).withRam(memory);
        if (memory.backing() == RamBacking.HUGETLB_2M) {
            long free = HugePages.pools().stream()
                    .filter(pool -> pool.pageSizeBytes() == 2 << 20)
                    .mapToLong(HugePages::freePages)
                    .sum();
            assumeTrue(
                    free >= 8, "two machines on huge pages need 8 free ones of 2 MiB: sudo sysctl vm.nr_hugepages=8");
        }
        WorkloadContent content = seed % 2 == 0 ? WorkloadContent.RANDOM : WorkloadContent.COMPRESSIBLE;
        return options.withVcpus(2)
                .withSeed(seed)
                .withMaking(new PageMaking(content, 20, seed % 2 == 0 ? 4096 : 256))
                .withLoad(WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, pattern)
                        .withHot(70, 10));
    }
}
