package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.postcopy.PostcopyEvents;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.operations.PrivateFolder;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A postcopy from this process to itself, of a machine with little RAM. A Java machine links each class and each call
 * when it is used first, which takes it longer than all that has to be done between the stop of a guest and its start
 * elsewhere: so nothing is done there for the first time (decision 0022).
 */
final class PostcopyRehearsal {

    /** Once to link, and again for what only the interpreter has seen so far. */
    private static final int TIMES = 15;

    private static final long RAM_BYTES = 2 << 20;

    /** No further one is begun after that. */
    private static final Duration LONG_ENOUGH = Duration.ofSeconds(1);

    /** One that takes so long is broken off. */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private static final Duration POLL = Duration.ofMillis(1);
    private static final AtomicBoolean DONE = new AtomicBoolean();

    private PostcopyRehearsal() {}

    /**
     * Rehearses where that has not been done in this process. What goes wrong here is of no consequence: it goes wrong
     * again, or not, when it counts. Nothing is rehearsed while a flight recorder would take it for a migration.
     */
    static void once() {
        if (PostcopyEvents.mayBeRecorded() || DONE.getAndSet(true)) {
            return;
        }
        try {
            long endNs = System.nanoTime() + LONG_ENOUGH.toNanos();
            for (int time = 0; time < TIMES && System.nanoTime() < endNs; time++) {
                boolean _ = rehearse();
            }
        } catch (IOException | ControlException e) {
            System.getLogger("dev.godwit.operations").log(Level.DEBUG, "A postcopy could not be rehearsed", e);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return whether the guest has arrived whole} */
    static boolean rehearse() throws IOException, ControlException, InterruptedException {
        WorkloadOptions little = WorkloadOptions.ofRam(RAM_BYTES)
                .withLoad(WorkloadLoad.of(WorkloadLoad.AS_FAST_AS_POSSIBLE, WorkloadPattern.RANDOM));
        WorkloadMachine arriving = WorkloadMachine.incoming(little);
        try (PrivateFolder folder = new PrivateFolder(Optional.empty());
                GuestHost destination = new GuestHost(
                        arriving,
                        Optional.of("rehearsal"),
                        true,
                        Optional.of(new UserfaultfdRam(arriving.ram(), false)));
                GuestHost source = new GuestHost(WorkloadMachine.create(little), Optional.of("rehearsal"), false)) {
            for (GuestHost host : List.of(source, destination)) {
                host.setCapabilities(Map.of(
                        MigrationCapability.EVENTS,
                        true,
                        MigrationCapability.POSTCOPY_RAM,
                        true,
                        MigrationCapability.POSTCOPY_PREEMPT,
                        true,
                        MigrationCapability.POSTCOPY_BLOCKTIME,
                        true));
            }
            source.cont();
            String uri = "unix:" + folder.resolve("migration.sock");
            destination.migrateIncoming(uri, false);
            source.migrate(uri, false);
            source.migrateStartPostcopy();
            long endNs = System.nanoTime() + LONGEST.toNanos();
            while ((source.migration().status().isUnderWay()
                            || destination.migration().status().isUnderWay())
                    && System.nanoTime() < endNs) {
                Thread.sleep(POLL);
            }
            return destination.migration().status() == MigrationStatus.COMPLETED
                    && source.migration().status() == MigrationStatus.COMPLETED;
        }
    }
}
