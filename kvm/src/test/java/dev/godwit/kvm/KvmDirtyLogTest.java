package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * KVM's dirty logs against vCPUs that write while the log is read: a copy kept by the log alone has to equal the
 * guest's memory whenever the guest stands still. {@code -Dgodwit.soak=SECONDS} makes each race as long as that.
 */
class KvmDirtyLogTest {

    private static final long RAM_BYTES = 32L << 20;
    private static final long SOAK_SECONDS = Long.getLong("godwit.soak", 5);

    static List<KvmMachineOptions.DirtyTracking> tracking() {
        return List.of(
                new KvmMachineOptions.DirtyTracking.Bitmap(),
                new KvmMachineOptions.DirtyTracking.Ring(4096),
                new KvmMachineOptions.DirtyTracking.Ring(65536));
    }

    @ParameterizedTest
    @MethodSource("tracking")
    void no_write_of_racing_vcpus_is_missed(KvmMachineOptions.DirtyTracking tracking) throws Exception {
        long seed = 42;
        KvmMachineOptions options = TestGuest.memoryGuest("scribble report=100000 seed=" + seed)
                .withVcpus(2)
                .withDirtyTracking(tracking);
        try (TestGuest guest = TestGuest.create(RAM_BYTES, options);
                Arena arena = Arena.ofConfined()) {
            guest.machine.resume();
            guest.awaitLine("OK vcpu 1");
            Copy copy = new Copy(guest.machine, arena);
            long deadlineNs =
                    System.nanoTime() + Duration.ofSeconds(SOAK_SECONDS).toNanos();
            long reported = 0;
            int comparisons = 0;
            long overruns;
            try (DirtyLog log =
                    guest.machine.startDirtyLog(guest.machine.dirtyLogMethods().getFirst())) {
                copy.everything(log);
                Random random = new Random(seed);
                do {
                    for (int lap = 0; lap < 20; lap++) {
                        reported += copy.lap(log, random);
                        LockSupport.parkNanos(random.nextInt(3_000_000));
                    }
                    guest.machine.pause();
                    copy.everyDirtyPage(log);
                    assertThat(copy.firstDifference()).isEqualTo(-1);
                    comparisons++;
                    guest.machine.resume();
                } while (System.nanoTime() < deadlineNs);
                overruns = overruns(log);
            }
            System.out.printf(
                    "%s: %d pages reported, %d full comparisons, %d overruns, nothing missed%n",
                    tracking, reported, comparisons, overruns);
            assertThat(reported).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("tracking")
    void a_page_that_nobody_writes_is_not_reported_again(KvmMachineOptions.DirtyTracking tracking) throws Exception {
        try (TestGuest guest = TestGuest.create(
                        RAM_BYTES, TestGuest.memoryGuest("pages=8 report=1").withDirtyTracking(tracking));
                Arena arena = Arena.ofConfined()) {
            guest.machine.resume();
            guest.awaitLine("OK vcpu 0");
            try (DirtyLog log =
                    guest.machine.startDirtyLog(guest.machine.dirtyLogMethods().getFirst())) {
                PageBitmap dirty = new PageBitmap(RAM_BYTES / Page.SIZE_BYTES);
                long overruns;
                int tries = 0;
                do { // where KVM emulates the guest, a ring may be overrun, and all pages are reported then
                    assertThat(++tries).as("a look without an overrun").isLessThan(50);
                    new Copy(guest.machine, arena).everything(log);
                    overruns = overruns(log);
                    guest.awaitLine("OK vcpu 0");
                    dirty.clear(0, dirty.pages());
                    assertThat(log.collect(List.of(dirty))).isPositive();
                } while (overruns(log) != overruns || dirty.setPages() == dirty.pages());
                // the pages with a pattern, those with generations and stacks, and the program's own
                assertThat(dirty.setPages()).isBetween(1L, 128L);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("tracking")
    void what_the_program_writes_in_the_guests_place_is_in_the_log(KvmMachineOptions.DirtyTracking tracking)
            throws Exception {
        try (TestGuest guest =
                        TestGuest.create(RAM_BYTES, TestGuest.memoryGuest("").withDirtyTracking(tracking));
                Arena arena = Arena.ofConfined()) {
            try (DirtyLog log =
                    guest.machine.startDirtyLog(guest.machine.dirtyLogMethods().getFirst())) {
                new Copy(guest.machine, arena).everything(log);
                guest.machine.writeRam(5 * Page.SIZE_BYTES - 1, new byte[] {1, 2});
                PageBitmap dirty = new PageBitmap(RAM_BYTES / Page.SIZE_BYTES);
                assertThat(log.collect(List.of(dirty))).isEqualTo(2);
                assertThat(dirty.get(4)).isTrue();
                assertThat(dirty.get(5)).isTrue();
            }
        }
    }

    @Test
    void a_machine_has_one_log_at_a_time_of_the_methods_that_it_names() throws Exception {
        try (TestGuest guest = TestGuest.create(RAM_BYTES, TestGuest.memoryGuest(""))) {
            assertThat(guest.machine.dirtyLogMethods()).containsExactly("kvm-bitmap");
            assertThatThrownBy(() -> guest.machine.startDirtyLog("kvm-ring"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("no dirty log kvm-ring");
            DirtyLog log = guest.machine.startDirtyLog("kvm-bitmap");
            assertThatThrownBy(() -> guest.machine.startDirtyLog("kvm-bitmap")).hasMessageContaining("in use");
            log.close();
            guest.machine.startDirtyLog("kvm-bitmap").close();
        }
    }

    private static long overruns(DirtyLog log) {
        return log instanceof KvmDirtyRingLog ring ? ring.overruns() : 0;
    }

    /** A copy of the guest's memory that is kept by a log. */
    private static final class Copy {

        private final MemorySegment ram;
        private final MemorySegment copy;
        private final PageBitmap dirty;

        Copy(KvmMachine machine, Arena arena) {
            this.ram = machine.memory().block(0);
            this.copy = arena.allocate(ram.byteSize());
            this.dirty = new PageBitmap(ram.byteSize() / Page.SIZE_BYTES);
        }

        void everything(DirtyLog log) throws IOException {
            long _ = log.collect(List.of(dirty));
            log.beforeRead(0, 0, dirty.pages());
            dirty.clear(0, dirty.pages());
            copy.copyFrom(ram);
        }

        /** Collects, and copies some of the pages, as a lap of precopy that is cut short. */
        long lap(DirtyLog log, Random random) throws IOException {
            long reported = log.collect(List.of(dirty));
            long from = random.nextInt((int) dirty.pages());
            long to = from + random.nextInt(2048);
            for (long page = dirty.nextSet(from); page >= 0 && page < to; page = dirty.nextSet(page + 1)) {
                take(log, page);
            }
            return reported;
        }

        void everyDirtyPage(DirtyLog log) throws IOException {
            long _ = log.collect(List.of(dirty));
            for (long page = dirty.nextSet(0); page >= 0; page = dirty.nextSet(page + 1)) {
                take(log, page);
            }
        }

        private void take(DirtyLog log, long page) throws IOException {
            dirty.clear(page);
            log.beforeRead(0, page, 1);
            long at = page * Page.SIZE_BYTES;
            MemorySegment.copy(ram, at, copy, at, Page.SIZE_BYTES);
        }

        long firstDifference() {
            return ram.mismatch(copy);
        }
    }
}
