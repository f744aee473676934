package dev.godwit.workload;

import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** What the tests do with machines again and again. */
final class Guests {

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private Guests() {}

    /** Waits until a machine made so many writes since now. */
    static void awaitWrites(WorkloadMachine machine, long writes) {
        long until = machine.statistics().writtenPages() + writes;
        long deadlineNs = System.nanoTime() + PATIENCE.toNanos();
        while (machine.statistics().writtenPages() < until) {
            if (System.nanoTime() > deadlineNs) {
                throw new AssertionError("the vCPUs made %d writes, not %d"
                        .formatted(machine.statistics().writtenPages(), until));
            }
            LockSupport.parkNanos(100_000);
        }
    }

    /** Runs a machine until it made so many writes, and pauses it. */
    static void run(WorkloadMachine machine, long writes) throws IOException {
        machine.resume();
        awaitWrites(machine, writes);
        machine.pause();
    }

    /** Copies all RAM of one machine into another. */
    static void copyRam(WorkloadMachine from, WorkloadMachine to) {
        RamLayout layout = from.memory().layout();
        for (int block = 0; block < layout.blocks().size(); block++) {
            NativeMemory.copy(
                    to.memory().hostAddress(block, 0),
                    from.memory().hostAddress(block, 0),
                    layout.block(block).lengthBytes());
        }
    }
}
