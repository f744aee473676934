package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.postcopy.PostcopyEvents;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.operations.PrivateFolder;
import dev.godwit.ram.Page;
import dev.godwit.workload.PageMaking;
import dev.godwit.workload.WorkloadContent;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A migration from this process to itself, of a machine with little RAM. A Java machine links each class and each call
 * when it is used first, and compiles what is used often; between the stop of a guest and its start elsewhere that
 * takes longer than all that has to be done, and for a guest of 1 GiB half as long again as its pages: so nothing is
 * done there for the first time (decision 0022).
 */
final class MigrationRehearsal {

    /** What kind of migration. */
    enum Way {
        PRECOPY(16, 12, 2000, "none"),
        MULTIFD(16, 12, 2000, "none"),
        MULTIFD_ZLIB(1, 10, 2000, "zlib"),
        MULTIFD_ZSTD(8, 10, 2000, "zstd"),
        POSTCOPY(2, 15, WorkloadLoad.AS_FAST_AS_POSSIBLE, "none");

        private final long ramBytes;

        /**
         * Once to link, and again for what only the interpreter has seen so far: what is done for each packet of
         * multifd, a half MiB, is compiled after 200 of them.
         */
        private final int times;

        /** Of a precopy: enough for a second pass, and not for many. */
        private final long writtenPagesPerSecond;

        private final String compression;

        Way(int ramMiB, int times, long writtenPagesPerSecond, String compression) {
            this.writtenPagesPerSecond = writtenPagesPerSecond;
            this.ramBytes = (long) ramMiB << 20;
            this.times = times;
            this.compression = compression;
        }

        private Set<MigrationCapability> capabilities() {
            return switch (this) {
                case PRECOPY -> Set.of(MigrationCapability.EVENTS, MigrationCapability.RETURN_PATH);
                case MULTIFD, MULTIFD_ZLIB, MULTIFD_ZSTD ->
                    Set.of(MigrationCapability.EVENTS, MigrationCapability.RETURN_PATH, MigrationCapability.MULTIFD);
                case POSTCOPY ->
                    Set.of(
                            MigrationCapability.EVENTS,
                            MigrationCapability.POSTCOPY_RAM,
                            MigrationCapability.POSTCOPY_PREEMPT,
                            MigrationCapability.POSTCOPY_BLOCKTIME);
            };
        }

        /** {@return the migration that these settings are made for; none where they are those of a file} */
        static Optional<Way> of(MigrationSettings settings) {
            if (settings.has(MigrationCapability.POSTCOPY_RAM)) {
                return Optional.of(POSTCOPY);
            }
            if (settings.has(MigrationCapability.MAPPED_RAM) || settings.has(MigrationCapability.BACKGROUND_SNAPSHOT)) {
                return Optional.empty();
            }
            if (!settings.has(MigrationCapability.MULTIFD)) {
                return Optional.of(PRECOPY);
            }
            return Optional.of(
                    switch (settings.parameters().text(MigrationParameter.MULTIFD_COMPRESSION)) {
                        case "zlib" -> MULTIFD_ZLIB;
                        case "zstd" -> MULTIFD_ZSTD;
                        default -> MULTIFD;
                    });
        }
    }

    /** No further one is begun after that. */
    private static final Duration LONG_ENOUGH = Duration.ofSeconds(1);

    /** One that takes so long is broken off. */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private static final Duration POLL = Duration.ofMillis(1);
    private static final Set<Way> DONE = ConcurrentHashMap.newKeySet();

    private MigrationRehearsal() {}

    /**
     * Rehearses where that has not been done in this process. What goes wrong here is of no consequence: it goes wrong
     * again, or not, when it counts. Nothing is rehearsed while a flight recorder would take it for a migration.
     */
    static void once(Way way) {
        if (PostcopyEvents.mayBeRecorded() || !DONE.add(way)) {
            return;
        }
        try {
            long endNs = System.nanoTime() + LONG_ENOUGH.toNanos();
            for (int time = 0; time < way.times && System.nanoTime() < endNs; time++) {
                boolean _ = rehearse(way);
            }
        } catch (IOException | ControlException e) {
            System.getLogger("dev.godwit.operations").log(Level.DEBUG, "A migration could not be rehearsed", e);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return whether the guest has arrived whole} */
    static boolean rehearse(Way way) throws IOException, ControlException, InterruptedException {
        WorkloadOptions little = WorkloadOptions.ofRam(way.ramBytes)
                .withMaking(new PageMaking(WorkloadContent.RANDOM, 50, Page.SIZE_BYTES))
                .withLoad(WorkloadLoad.of(way.writtenPagesPerSecond, WorkloadPattern.RANDOM));
        WorkloadMachine arriving = WorkloadMachine.incoming(little);
        try (PrivateFolder folder = new PrivateFolder(Optional.empty());
                GuestHost destination = new GuestHost(
                        arriving,
                        Optional.of("rehearsal"),
                        true,
                        Optional.of(new UserfaultfdRam(arriving.ram(), false)));
                GuestHost source = new GuestHost(WorkloadMachine.create(little), Optional.of("rehearsal"), false)) {
            Map<MigrationCapability, Boolean> on = new EnumMap<>(MigrationCapability.class);
            way.capabilities().forEach(capability -> on.put(capability, true));
            for (GuestHost host : List.of(source, destination)) {
                host.setCapabilities(on);
                host.setParameters(Map.of(
                        MigrationParameter.MAX_BANDWIDTH, 0L, MigrationParameter.MULTIFD_COMPRESSION, way.compression));
            }
            source.cont();
            String uri = "unix:" + folder.resolve("migration.sock");
            destination.migrateIncoming(uri, false);
            source.migrate(uri, false);
            if (way == Way.POSTCOPY) {
                source.migrateStartPostcopy();
            }
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
