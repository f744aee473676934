package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.kvm.KvmMachineOptions.DirtyTracking;
import dev.godwit.linux.Kvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real guest of two vCPUs, which checks its own memory, goes by postcopy from one of our machines to another. */
@Timeout(900)
class KvmPostcopyTest {

    private static final long RAM_BYTES = 8L << 20;

    /** Built and described there; see its README. */
    private static final Path MEMORY_GUEST = Path.of("..", "kvm", "src", "test", "resources", "memory-guest.bin");

    @TempDir
    private Path folder;

    private final SerialLines lines = new SerialLines();

    @BeforeAll
    static void needs_kvm() {
        assumeThat(Kvm.probe())
                .as("there is no KVM here for this user: KVM's machine is not migrated")
                .isInstanceOf(Kvm.Support.Available.class);
    }

    private interface Journey {
        void travel(PostcopyJourney journey) throws Exception;
    }

    private GuestHost host(Boot boot, boolean incoming, RamBacking backing) throws Exception {
        KvmMachineOptions options = KvmMachineOptions.of(boot)
                .withVcpus(2)
                .withDirtyTracking(new DirtyTracking.Bitmap())
                .withSerialOutput(lines);
        MachineKind.Made made = new KvmKind(options, RAM_BYTES, RamOptions.of(backing)).make(incoming);
        GuestHost host = new GuestHost(
                made.machine(),
                Optional.empty(),
                incoming,
                incoming ? Optional.of(made.postcopyRam()) : Optional.empty());
        made.attach(host);
        return host;
    }

    /** Moves the guest on and on; each time it finds its memory right. */
    private void travel(RamBacking backing, boolean preempt, Random random, int hops, Journey travelled)
            throws Exception {
        List<String> refusals = PostcopySupport.of(backing, true).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy of KVM guests on " + backing + " here: " + refusals);
        HugePool.assumeEnough(backing, 2 * RAM_BYTES);
        GuestHost here =
                host(new Boot.Flat(MEMORY_GUEST, "pages=400 report=64 seed=" + random.nextInt(1000)), false, backing);
        try {
            here.cont();
            awaitBothVcpus();
            for (int hop = 0; hop < hops; hop++) {
                Path own = Files.createTempDirectory(folder, "journey");
                GuestHost there = host(new Boot.Incoming(), true, backing);
                try (PostcopyJourney journey = new PostcopyJourney(here, there, own, random, preempt)) {
                    travelled.travel(journey);
                    PostcopyReport waited = there.migration().postcopy().orElseThrow();
                    assertThat(waited.vcpuBlocktimeMs()).hasSize(2);
                } finally {
                    here.close();
                    here = there;
                }
                lines.forget();
                awaitBothVcpus();
                awaitBothVcpus();
            }
        } finally {
            here.close();
        }
    }

    private void awaitBothVcpus() throws InterruptedException {
        lines.await("OK vcpu 0");
        lines.await("OK vcpu 1");
    }

    @ParameterizedTest(name = "{0}, preempt {1}, seed {2}")
    @CsvSource({
        "ANONYMOUS, false, 41", "ANONYMOUS, true, 42",
        "MEMFD, false, 43", "HUGETLB_2M, false, 44",
        "HUGETLB_2M, true, 45"
    })
    void a_guest_goes_first_at_any_moment(RamBacking backing, boolean preempt, long seed) throws Exception {
        Random random = new Random(seed);
        travel(
                backing,
                preempt,
                random,
                3,
                journey -> journey.precopyAt(4 << 20)
                        .begin(random.nextInt(3) * random.nextLong(200))
                        .awaitDeparture()
                        .awaitArrival());
    }

    @ParameterizedTest(name = "{0}, preempt {1}, {2} cuts, seed {3}")
    @CsvSource({"ANONYMOUS, false, 4, 51", "ANONYMOUS, true, 4, 52", "HUGETLB_2M, true, 2, 53"})
    void a_guest_arrives_whole_however_often_the_connection_breaks(
            RamBacking backing, boolean preempt, int cuts, long seed) throws Exception {
        Random random = new Random(seed);
        AtomicBoolean wereCut = new AtomicBoolean();
        while (!wereCut.get()) {
            travel(
                    backing,
                    preempt,
                    random,
                    1,
                    journey -> wereCut.set(journey.atMost(1 << 20)
                            .cutWithin(25_000)
                            .begin(0)
                            .awaitDeparture()
                            .cut(cuts)));
        }
    }
}
