package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.testkit.Await;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A guest moves from one of our machines to another by postcopy, over connections that break as often as wanted. */
final class PostcopyJourney implements AutoCloseable {

    private final GuestHost source;
    private final GuestHost destination;
    private final Path folder;
    private final Random random;
    private long cutWithinBytes = 300_000;
    private long precopyBytesPerSecond = 48L << 20;
    private CuttingRelay relay;
    private int connections;

    /**
     * A journey that has not begun.
     *
     * @param folder for sockets; nobody else's
     */
    PostcopyJourney(GuestHost source, GuestHost destination, Path folder, Random random, boolean preempt)
            throws IOException, ControlException {
        this.source = source;
        this.destination = destination;
        this.folder = folder;
        this.random = random;
        Map<MigrationCapability, Boolean> on = Map.of(
                MigrationCapability.POSTCOPY_RAM,
                true,
                MigrationCapability.POSTCOPY_PREEMPT,
                preempt,
                MigrationCapability.POSTCOPY_BLOCKTIME,
                true);
        source.setCapabilities(on);
        destination.setCapabilities(on);
        relay = new CuttingRelay(relayPath(), destinationPath());
    }

    private Path relayPath() {
        return folder.resolve("relay-" + connections);
    }

    private Path destinationPath() {
        return folder.resolve("there-" + connections);
    }

    PostcopyJourney atMost(long bytesPerSecond) throws ControlException {
        source.setParameters(Map.of(MigrationParameter.MAX_POSTCOPY_BANDWIDTH, bytesPerSecond));
        return this;
    }

    /** How fast it goes before the guest does. */
    PostcopyJourney precopyAt(long bytesPerSecond) {
        precopyBytesPerSecond = bytesPerSecond;
        return this;
    }

    /** Connections that are cut are cut within about so many bytes. */
    PostcopyJourney cutWithin(long bytes) {
        cutWithinBytes = bytes;
        return this;
    }

    /** Lets the guest go first after some time, 0 for at once. */
    PostcopyJourney begin(long afterMs) throws ControlException, InterruptedException {
        source.setParameters(
                Map.of(MigrationParameter.MAX_BANDWIDTH, precopyBytesPerSecond, MigrationParameter.DOWNTIME_LIMIT, 1L));
        destination.migrateIncoming("unix:" + destinationPath(), false);
        source.migrate("unix:" + relayPath(), false);
        TimeUnit.MILLISECONDS.sleep(afterMs); // any moment is a right one
        source.migrateStartPostcopy();
        return this;
    }

    /** Cuts the first connection at some byte from now on. */
    void cutAfter(long bytes) {
        relay.cutAfter(bytes);
    }

    /** Waits until the guest has gone, or all has. */
    PostcopyJourney awaitDeparture() {
        Await.until("the switch to postcopy", () -> switch (source.migration().status()) {
            case POSTCOPY_ACTIVE, POSTCOPY_PAUSED, COMPLETED -> true;
            case FAILED -> throw new AssertionError(source.migration());
            default -> false;
        });
        return this;
    }

    /**
     * Breaks the connections in some way, as soon as some more bytes have passed.
     *
     * @return whether that stopped it; not if fewer bytes were left
     */
    private boolean breakConnections() throws ControlException {
        switch (random.nextInt(6)) {
            case 0 -> pause(source);
            case 1 -> pause(destination);
            case 2 -> relay.cutAfter(random.nextInt(2000));
            default -> relay.cutAfter(cutWithinBytes / 30 + random.nextLong(cutWithinBytes));
        }
        return isPaused();
    }

    /** What the other side has not got by then it does not get. */
    private void pause(GuestHost host) throws ControlException {
        Await.until("its postcopy", () -> switch (host.migration().status()) {
            case POSTCOPY_ACTIVE, COMPLETED -> true;
            default -> false;
        });
        if (host.migration().status() == MigrationStatus.POSTCOPY_ACTIVE) {
            try {
                host.migratePause();
            } catch (ControlException e) {
                assertThat(host.migration().status()).as(e.getMessage()).isEqualTo(MigrationStatus.COMPLETED);
            }
        }
        relay.cut();
    }

    /** Waits until both sides wait, or have all. {@return whether they wait} */
    private boolean isPaused() {
        Await.until("a source that waits", () -> hasStopped(source.migration()));
        Await.until("a destination that waits", () -> hasStopped(destination.migration()));
        MigrationStatus here = source.migration().status();
        assertThat(destination.migration().status()).isEqualTo(here);
        assertThat(source.runStatus())
                .isEqualTo(here == MigrationStatus.COMPLETED ? RunStatus.POSTMIGRATE : RunStatus.FINISH_MIGRATE);
        return here == MigrationStatus.POSTCOPY_PAUSED;
    }

    private static boolean hasStopped(MigrationReport report) {
        assertThat(report.status()).as(report.toString()).isNotEqualTo(MigrationStatus.FAILED);
        return report.status() == MigrationStatus.POSTCOPY_PAUSED || report.status() == MigrationStatus.COMPLETED;
    }

    /** Has both sides connect anew. */
    void recover() throws IOException, ControlException {
        recover(_ -> {});
    }

    private void recover(Consumer<CuttingRelay> over) throws IOException, ControlException {
        relay.close();
        connections++;
        Await.until("a destination that listens", this::listens);
        relay = new CuttingRelay(relayPath(), destinationPath());
        over.accept(relay);
        source.migrate("unix:" + relayPath(), true);
    }

    /** It may not have noticed yet that the connection before has come and gone. */
    private boolean listens() {
        try {
            destination.migrateRecover("unix:" + destinationPath());
            return true;
        } catch (ControlException e) {
            assertThat(e.getMessage()).containsAnyOf("paused", "already");
            return false;
        }
    }

    /**
     * Breaks the connections of a guest that has gone, again and again, and has it arrive at last. Until each break
     * little may pass: a guest asks for its pages as fast as it can, and would be there before this thread is.
     *
     * @return whether that was done; not if all of the guest had come before
     */
    boolean cut(int cuts) throws IOException, ControlException {
        Await.until("the guest there", () -> {
            assertThat(source.migration().status())
                    .as("%s, %s", source.migration(), destination.migration())
                    .isNotEqualTo(MigrationStatus.FAILED);
            return destination.runStatus() == RunStatus.RUNNING;
        });
        relay.holdAfter(cutWithinBytes);
        for (int cut = 1; cut <= cuts; cut++) {
            boolean paused = breakConnections();
            if (paused && cut < cuts && random.nextInt(3) == 0) {
                recover(next ->
                        next.cutAfter(random.nextInt(3000))); // in the middle of the recovery, or soon afterwards
                cut++;
                paused = isPaused();
            }
            if (!paused) {
                awaitArrival();
                return false;
            }
            recover(cut < cuts ? next -> next.holdAfter(cutWithinBytes) : _ -> {});
        }
        awaitArrival();
        return true;
    }

    void awaitArrival() {
        Await.until("the end of the migration", () -> {
            MigrationStatus status = source.migration().status();
            assertThat(status)
                    .as(source.migration().toString())
                    .isNotIn(MigrationStatus.FAILED, MigrationStatus.POSTCOPY_PAUSED);
            return status == MigrationStatus.COMPLETED;
        });
        Await.until("the guest", () -> destination.migration().status() == MigrationStatus.COMPLETED);
        assertThat(source.runStatus()).isEqualTo(RunStatus.POSTMIGRATE);
        assertThat(destination.runStatus()).isEqualTo(RunStatus.RUNNING);
    }

    @Override
    public void close() {
        relay.close();
    }
}
