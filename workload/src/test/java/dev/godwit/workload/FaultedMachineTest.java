package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.linux.Errno;
import dev.godwit.linux.EventFd;
import dev.godwit.linux.FaultEvents;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.Poll;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Way;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** vCPUs whose pages are missing or write-protected wait for a thread of the same JVM, while it collects garbage. */
class FaultedMachineTest {

    private static final WorkloadOptions OPTIONS =
            WorkloadOptions.ofRam(4 << 20).withVcpus(2);
    private static final RamLayout LAYOUT = OPTIONS.layout();

    @BeforeEach
    void needs_a_userfaultfd() {
        assumeTrue(
                Userfaultfd.probe(Way.USER_MODE_ONLY) instanceof Userfaultfd.Support.Available(var features)
                        && features.contains(UserfaultfdFeature.WP_HUGETLBFS_SHMEM),
                "no userfaultfd with write protection for this user");
    }

    @ParameterizedTest
    @EnumSource(value = RamBacking.class, mode = EnumSource.Mode.EXCLUDE, names = "HUGETLB_2M")
    void a_machine_runs_while_its_pages_are_brought_on_demand(RamBacking backing) throws Exception {
        try (WorkloadMachine source = WorkloadMachine.create(OPTIONS);
                WorkloadMachine machine = WorkloadMachine.incoming(OPTIONS.withRam(RamOptions.of(backing)));
                Userfaultfd faults = open(Set.of(UserfaultfdFeature.MISSING_SHMEM));
                EventFd end = EventFd.create();
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Guests.run(source, 3000);
            register(machine, faults, Mode.MISSING);
            Future<Long> handler = threads.submit(() -> serve(machine, faults, end, (block, page) -> {
                long from = source.memory().hostAddress(block, page * 4096);
                return faults.copy(machine.memory().hostAddress(block, page * 4096), from, 4096, false, true);
            }));
            Future<?> collector = threads.submit(FaultedMachineTest::collectGarbage);
            machine.load(source.save());
            Guests.run(machine, 6000);
            assertThat(machine.verify().damages()).isEmpty();
            collector.get();
            end.signal();
            assertThat(handler.get()).isGreaterThanOrEqualTo(LAYOUT.totalBytes() / 4096);
        }
    }

    @Test
    void a_machine_runs_while_its_writes_wait_for_a_snapshot() throws Exception {
        try (WorkloadMachine machine = WorkloadMachine.create(OPTIONS);
                WorkloadMachine snapshot = WorkloadMachine.incoming(OPTIONS);
                Userfaultfd faults = open(Set.of(UserfaultfdFeature.PAGEFAULT_FLAG_WP));
                EventFd end = EventFd.create();
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Guests.run(machine, 3000);
            snapshot.load(machine.save());
            Guests.copyRam(machine, snapshot);
            register(machine, faults, Mode.WRITE_PROTECT);
            for (int block = 0; block < LAYOUT.blocks().size(); block++) {
                long lengthBytes = LAYOUT.block(block).lengthBytes();
                assertThat(faults.writeProtect(machine.memory().hostAddress(block, 0), lengthBytes, true, false))
                        .isZero();
            }
            Future<Long> handler = threads.submit(() -> serve(machine, faults, end, (block, page) -> {
                long at = machine.memory().hostAddress(block, page * 4096);
                NativeMemory.copy(snapshot.memory().hostAddress(block, page * 4096), at, 4096);
                return faults.writeProtect(at, 4096, false, true);
            }));
            Future<?> collector = threads.submit(FaultedMachineTest::collectGarbage);
            machine.resume();
            Guests.awaitWrites(machine, 6000);
            machine.pause();
            collector.get();
            end.signal();
            assertThat(handler.get()).isPositive();
            assertThat(machine.verify().damages()).isEmpty();
            assertThat(snapshot.verify().damages()).isEmpty();
        }
    }

    /** What is done about a fault; answers like the kernel. */
    private interface Answer {
        long to(int block, long page);
    }

    private static long serve(WorkloadMachine machine, Userfaultfd faults, EventFd end, Answer answer)
            throws IOException {
        long served = 0;
        try (FaultEvents events = new FaultEvents(16)) {
            while (faults.await(end, Poll.FOREVER) || end.drain() == 0) {
                int found = faults.read(events);
                for (int index = 0; index < found; index++) {
                    served += serve(machine, faults, events.address(index), answer);
                }
            }
        }
        return served;
    }

    private static int serve(WorkloadMachine machine, Userfaultfd faults, long address, Answer answer) {
        for (int block = 0; block < LAYOUT.blocks().size(); block++) {
            long offset = address - machine.memory().hostAddress(block, 0);
            if (offset >= 0 && offset < LAYOUT.block(block).lengthBytes()) {
                long result = answer.to(block, offset / 4096);
                if (result == -Errno.EEXIST.code()) {
                    faults.wake(address & -4096, 4096);
                    return 0;
                }
                assertThat(result).isNotNegative();
                return 1;
            }
        }
        throw new AssertionError("a fault outside the guest at " + Long.toHexString(address));
    }

    private static void collectGarbage() {
        for (int time = 0; time < 20; time++) {
            System.gc();
        }
    }

    private static Userfaultfd open(Set<UserfaultfdFeature> features) throws IOException {
        return Userfaultfd.open(features, Set.of(), Way.USER_MODE_ONLY);
    }

    private static void register(WorkloadMachine machine, Userfaultfd faults, Mode mode) throws IOException {
        for (int block = 0; block < LAYOUT.blocks().size(); block++) {
            faults.register(
                    machine.memory().hostAddress(block, 0), LAYOUT.block(block).lengthBytes(), mode);
        }
    }
}
