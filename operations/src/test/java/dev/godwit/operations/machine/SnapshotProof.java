package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.kvm.Boot;
import dev.godwit.kvm.KvmMachineOptions;
import dev.godwit.linux.HugePages;
import dev.godwit.linux.Kvm;
import dev.godwit.testkit.Await;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Background snapshots by the hundred, at random moments, of machines that write as fast as they can: every page of
 * each file is held against what memory was at its instant. The workload machine knows that by its program; a KVM guest
 * is run on from each file, and compares all its memory with its registers. ({@code bin/prove-snapshots})
 */
final class SnapshotProof {

    private static final long RAM_BYTES = 8L << 20;
    private static final int VCPUS = 2;
    private static final long LONGEST_WAIT_NS = 300_000_000_000L;
    private static final Path MEMORY_GUEST = Path.of("..", "kvm", "src", "test", "resources", "memory-guest.bin");

    private final int rounds;
    private final Path folder;
    private final SplittableRandom random;

    private SnapshotProof(int rounds, Path folder, long seed) {
        this.rounds = rounds;
        this.folder = folder;
        this.random = new SplittableRandom(seed);
    }

    /**
     * Proves it.
     *
     * @param arguments how many snapshots of each machine, a folder for them, and the seed of the moments
     */
    public static void main(String[] arguments) throws Exception {
        SnapshotProof proof =
                new SnapshotProof(Integer.parseInt(arguments[0]), Path.of(arguments[1]), Long.parseLong(arguments[2]));
        System.out.printf(
                "%-30s %9s %14s %14s %14s %12s%n",
                "machine", "snapshots", "pause, median", "pause, longest", "writes waited", "longest wait");
        for (RamBacking backing : RamBacking.values()) {
            for (WorkloadPattern pattern : WorkloadPattern.values()) {
                proof.workload(backing, pattern);
            }
        }
        for (RamBacking backing : RamBacking.values()) {
            proof.kvm(backing);
        }
    }

    private static Optional<String> missing(RamBacking backing, boolean kvm) {
        if (kvm && !(Kvm.probe() instanceof Kvm.Support.Available)) {
            return Optional.of("there is no KVM here for this user");
        }
        long hugeBytes = HugePages.pools().stream()
                .filter(pool -> pool.pageSizeBytes() == 2 << 20)
                .mapToLong(pool -> pool.freePages() * (2 << 20))
                .sum();
        if (backing == RamBacking.HUGETLB_2M && hugeBytes < 4 * RAM_BYTES) {
            return Optional.of("too few huge pages: sudo sysctl vm.nr_hugepages=64");
        }
        return UserfaultfdWriteTracking.missing(kvm);
    }

    private void workload(RamBacking backing, WorkloadPattern pattern) throws Exception {
        String name = "workload %s %s".formatted(backing, pattern);
        Optional<String> missing = missing(backing, false);
        if (missing.isPresent()) {
            System.out.printf("%-30s skipped: %s%n", name, missing.get());
            return;
        }
        WorkloadOptions options = WorkloadOptions.ofRam(RAM_BYTES)
                .withVcpus(VCPUS)
                .withSeed(random.nextLong())
                .withRam(RamOptions.of(backing))
                .withLoad(WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, pattern));
        Path file = folder.resolve("proof.gw");
        Figures figures = new Figures();
        WorkloadMachine machine = WorkloadMachine.create(options);
        try (LiveMachine live = LiveMachine.start(machine)) {
            for (int round = 0; round < rounds; round++) {
                long written = machine.statistics().writtenPages() + random.nextInt(5000);
                Await.until("writes", () -> machine.statistics().writtenPages() >= written);
                figures.add(live.snapshot(file));
                BackgroundSnapshots.assertConsistent(file, options);
            }
        }
        figures.print(name);
    }

    private void kvm(RamBacking backing) throws Exception {
        String name = "kvm " + backing;
        Optional<String> missing = missing(backing, true);
        if (missing.isPresent()) {
            System.out.printf("%-30s skipped: %s%n", name, missing.get());
            return;
        }
        Path file = folder.resolve("proof.gw");
        Figures figures = new Figures();
        SoundReports here = new SoundReports();
        Boot boot = new Boot.Flat(MEMORY_GUEST, "pages=64 report=8 seed=" + random.nextInt(1000));
        try (LiveMachine live = LiveMachine.start(guest(boot, backing, here, false))) {
            here.awaitAll(1);
            for (int round = 0; round < rounds; round++) {
                Thread.sleep(random.nextInt(30)); // any moment is a right one
                figures.add(live.snapshot(file));
                SoundReports there = new SoundReports();
                try (LiveMachine _ = LiveMachine.load(guest(new Boot.Incoming(), backing, there, true), file)) {
                    there.awaitAll(2);
                }
            }
            here.awaitAll(here.least() + 1);
        }
        figures.print(name);
    }

    private static Machine guest(Boot boot, RamBacking backing, OutputStream serial, boolean incoming)
            throws IOException {
        KvmMachineOptions options = KvmMachineOptions.of(boot).withVcpus(VCPUS).withSerialOutput(serial);
        return new KvmKind(options, RAM_BYTES, RamOptions.of(backing))
                .make(incoming)
                .machine();
    }

    /** What the snapshots of one machine cost it. */
    private static final class Figures {
        private final List<Long> pausesNs = new ArrayList<>();
        private long waits;
        private long longestWaitNs;

        void add(LiveMachine.Taken taken) {
            pausesNs.add(taken.pause().toNanos());
            waits += taken.waits().faults();
            longestWaitNs = Math.max(longestWaitNs, taken.waits().longestNs());
        }

        void print(String name) {
            List<Long> sorted = pausesNs.stream().sorted().toList();
            System.out.printf(
                    "%-30s %9d %11.2f ms %11.2f ms %14d %9.2f ms%n",
                    name,
                    sorted.size(),
                    sorted.get(sorted.size() / 2) / 1e6,
                    sorted.getLast() / 1e6,
                    waits,
                    longestWaitNs / 1e6);
        }
    }

    /** The serial port of a guest that compares its memory again and again, and says so a line. */
    private static final class SoundReports extends OutputStream {
        private final StringBuilder line = new StringBuilder();
        private final int[] sound = new int[VCPUS];
        private String error = "";

        @Override
        public synchronized void write(int value) {
            if (value != '\n') {
                line.append((char) (value & 0xff));
                return;
            }
            String text = line.toString().strip();
            line.setLength(0);
            for (int vcpu = 0; vcpu < VCPUS; vcpu++) {
                if (text.startsWith("OK vcpu " + vcpu)) {
                    sound[vcpu]++;
                }
            }
            if (text.startsWith("ERROR")) {
                error = text;
            }
            notifyAll();
        }

        synchronized int least() {
            return Arrays.stream(sound).min().orElseThrow();
        }

        synchronized void awaitAll(int reports) throws InterruptedException {
            long endNs = System.nanoTime() + LONGEST_WAIT_NS;
            while (least() < reports) {
                if (!error.isEmpty()) {
                    throw new AssertionError(error);
                }
                if (System.nanoTime() - endNs > 0) {
                    throw new AssertionError("the guest does not report: " + line);
                }
                wait(100);
            }
        }
    }
}
