package dev.godwit.operations.machine;

import dev.godwit.engine.Progress;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.operations.PrivateFolder;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Migrates the same guest under the same load by one policy after the other, between two machines in this process, over
 * a socket ({@code godwit compare}).
 */
public final class ComparePolicies {

    private static final Duration POLL = Duration.ofMillis(10);

    private final WorkloadOptions guest;
    private final Map<MigrationParameter, Object> parameters;
    private final Duration warmUp;
    private final Duration longest;
    private final Progress progress;

    /**
     * A comparison.
     *
     * @param parameters of every migration, the policy apart
     * @param warmUp how long the guest writes before it is migrated
     * @param longest after so long a migration is cancelled
     * @param progress hears what is sent; an exception of its {@code advance} ends the comparison, and both machines
     */
    public ComparePolicies(
            WorkloadOptions guest,
            Map<MigrationParameter, Object> parameters,
            Duration warmUp,
            Duration longest,
            Progress progress) {
        this.guest = guest;
        this.parameters = Map.copyOf(parameters);
        this.warmUp = warmUp;
        this.longest = longest;
        this.progress = progress;
    }

    /**
     * {@return how each migration went}
     *
     * @param policies their names
     * @throws IOException if a machine cannot be had, or the thread was interrupted
     * @throws ControlException if a machine refuses what is asked of it
     */
    public List<PolicyRun> run(List<String> policies) throws IOException, ControlException {
        List<PolicyRun> runs = new ArrayList<>();
        for (String policy : policies) {
            progress.phase("policy " + policy, -1);
            runs.add(run(policy));
        }
        return runs;
    }

    private PolicyRun run(String policy) throws IOException, ControlException {
        WorkloadMachine arriving = WorkloadMachine.incoming(guest);
        try (PrivateFolder folder = new PrivateFolder(Optional.empty());
                GuestHost destination = new GuestHost(arriving, Optional.of("destination"), true);
                GuestHost source = new GuestHost(WorkloadMachine.create(guest), Optional.of("source"), false)) {
            for (GuestHost host : List.of(source, destination)) {
                host.setCapabilities(Map.of(MigrationCapability.RETURN_PATH, true));
            }
            source.setParameters(parameters);
            source.setParameters(Map.of(MigrationParameter.X_POLICY, policy));
            String uri = "unix:" + folder.resolve("migration.sock");
            destination.migrateIncoming(uri, false);
            source.cont();
            warmUp();
            source.migrate(uri, false);
            MigrationReport report = awaitEnd(source);
            boolean sound = report.status() == MigrationStatus.COMPLETED && isSound(destination, arriving);
            return new PolicyRun(policy, report, sound);
        }
    }

    /** In short steps: whoever cancels it does not wait for its end. */
    private void warmUp() throws IOException {
        long endNs = System.nanoTime() + warmUp.toNanos();
        for (long leftNs = warmUp.toNanos(); leftNs > 0; leftNs = endNs - System.nanoTime()) {
            progress.advance(0);
            sleep(Duration.ofNanos(Math.min(leftNs, POLL.toNanos())));
        }
    }

    /** {@return how it stood at the end; where time was up, how it stood then} */
    private MigrationReport awaitEnd(GuestHost source) throws IOException, ControlException {
        long endNs = System.nanoTime() + longest.toNanos();
        long seenBytes = 0;
        while (true) {
            MigrationReport report = source.migration();
            long sentBytes =
                    report.ram().map(MigrationReport.Ram::transferredBytes).orElse(seenBytes);
            progress.advance(Math.max(0, sentBytes - seenBytes));
            seenBytes = sentBytes;
            if (!report.status().isUnderWay()) {
                return report;
            }
            if (System.nanoTime() - endNs > 0) {
                source.migrateCancel();
                return report;
            }
            sleep(POLL);
        }
    }

    private boolean isSound(GuestHost destination, WorkloadMachine arrived) throws IOException, ControlException {
        while (destination.migration().status().isUnderWay()) {
            progress.advance(0);
            sleep(POLL);
        }
        return destination.migration().status() == MigrationStatus.COMPLETED
                && destination.whilePaused(_ -> arrived.verify()).isSound();
    }

    private static void sleep(Duration time) throws IOException {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while policies were compared");
        }
    }
}
