package dev.godwit.operations.machine;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.background.BackgroundSnapshot;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import java.lang.System.Logger.Level;

/** A background snapshot on its thread. Any thread may use it. */
final class SnapshotRun implements Outgoing {

    private final BackgroundSnapshot snapshot;
    private final SnapshotConnector connector;
    private final Thread thread;

    SnapshotRun(BackgroundSnapshot snapshot, SnapshotConnector connector) {
        this.snapshot = snapshot;
        this.connector = connector;
        this.thread = Thread.ofPlatform().name("snapshot-writer-1").daemon(true).unstarted(this::run);
    }

    /** Starts it, and returns when it is under way. */
    void start() throws ControlException {
        thread.start();
        try {
            connector.begun().await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException("interrupted while the snapshot was being started; it goes on", e);
        }
    }

    private void run() {
        try {
            snapshot.run();
        } catch (MigrationException e) {
            System.getLogger("dev.godwit.operations")
                    .log(Level.DEBUG, () -> "the snapshot ended: " + e.getMessage(), e);
        }
    }

    @Override
    public void awaitEndIfOver() throws ControlException {
        if (status().isUnderWay()) {
            return;
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException("interrupted while the last snapshot was tidied up", e);
        }
    }

    @Override
    public MigrationStatus status() {
        return snapshot.status();
    }

    @Override
    public MigrationReport report() {
        return snapshot.report();
    }

    @Override
    public void cancel() {
        snapshot.cancel();
        connector.stop();
    }

    @Override
    public void close() {
        cancel();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // the machine may not go before it has
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
