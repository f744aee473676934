package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.linux.Advice;
import dev.godwit.linux.Kvm;
import dev.godwit.linux.Mapping;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A KVM machine with memory of its own, whose serial lines can be awaited. */
final class TestGuest implements AutoCloseable {

    /** Long, because the machine under the test may be slow and busy. */
    static final Duration PATIENCE = Duration.ofMinutes(5);

    final KvmMachine machine;
    final Lines lines;
    final BlockingQueue<GuestEnd> ends;

    private TestGuest(KvmMachine machine, Lines lines, BlockingQueue<GuestEnd> ends) {
        this.machine = machine;
        this.lines = lines;
        this.ends = ends;
    }

    /** Ends the test as skipped where this user has no KVM. */
    static void assumeKvm() {
        assumeThat(Kvm.probe())
                .as("there is no KVM here for this user: KVM's machine is not tested")
                .isInstanceOf(Kvm.Support.Available.class);
    }

    /** {@return the guest that checks its own memory, with a command line} */
    static KvmMachineOptions memoryGuest(String append) {
        return KvmMachineOptions.of(new Boot.Flat(resource("memory-guest.bin"), append));
    }

    static Path resource(String name) {
        URL url = Objects.requireNonNull(TestGuest.class.getResource("/" + name), name);
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    /** {@return a paused machine} */
    static TestGuest create(long ramBytes, KvmMachineOptions options) throws IOException {
        return create(ramBytes, options, new Lines());
    }

    private static TestGuest create(long ramBytes, KvmMachineOptions options, Lines lines) throws IOException {
        assumeKvm();
        BlockingQueue<GuestEnd> ends = new LinkedBlockingQueue<>();
        KvmMachineOptions attached = options.withSerialOutput(lines).withOnEnd(ends::add);
        Mapping mapping = Mapping.anonymous(ramBytes);
        mapping.advise(Advice.NOHUGEPAGE);
        return new TestGuest(KvmMachine.create(attached, memoryOf(mapping), mapping), lines, ends);
    }

    /** {@return the guest in another machine, where it goes on; this machine is paused, saved and closed} */
    TestGuest move(KvmMachineOptions options) throws IOException {
        machine.pause();
        MachineState state = machine.save();
        MemorySegment ram = machine.memory().block(0);
        TestGuest next = create(ram.byteSize(), options, lines);
        next.machine.memory().block(0).copyFrom(ram);
        ram.fill((byte) 0xee); // what still used it would notice
        close();
        next.machine.load(state);
        next.machine.resume();
        return next;
    }

    static GuestMemory memoryOf(Mapping mapping) {
        return new GuestMemory(
                new RamLayout(List.of(new RamBlock(KvmMachine.RAM_BLOCK_ID, mapping.lengthBytes()))),
                List.of(mapping.memory()),
                List.of((long) Page.SIZE_BYTES));
    }

    /** {@return the first line from now on that begins so; fails the test at the guest's own error, or after long} */
    String awaitLine(String beginning) throws InterruptedException {
        return awaitLine(line -> line.startsWith(beginning), beginning);
    }

    /** Waits until each of these lines has come, in any order. */
    void awaitAll(Collection<String> wanted) throws InterruptedException {
        Set<String> missing = new TreeSet<>(wanted);
        while (!missing.isEmpty()) {
            missing.remove(awaitLine(missing::contains, missing.toString()));
        }
    }

    String awaitLine(Predicate<String> isIt, String what) throws InterruptedException {
        long deadlineNs = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            String line = lines.queue.poll(100, TimeUnit.MILLISECONDS);
            if (line == null) {
                assertThat(ends).as("waiting for " + what).isEmpty();
                assertThat(System.nanoTime()).as("waiting for " + what).isLessThan(deadlineNs);
            } else {
                assertThat(line).doesNotStartWith("ERROR");
                if (isIt.test(line)) {
                    return line;
                }
            }
        }
    }

    /** What comes over the serial port, by lines. */
    static final class Lines extends OutputStream {
        final BlockingQueue<String> queue = new LinkedBlockingQueue<>();
        private final StringBuilder line = new StringBuilder();

        @Override
        public void write(int value) {
            if (value == '\n') {
                queue.add(line.toString().strip());
                line.setLength(0);
            } else {
                line.append((char) (value & 0xff));
            }
        }
    }

    @Override
    public void close() throws IOException {
        machine.close();
    }
}
