package dev.godwit.operations.machine;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.precopy.Precopy;
import java.lang.System.Logger.Level;
import java.util.Optional;

/** An outgoing migration on its thread. Any thread may use it. */
final class OutgoingRun implements Outgoing {

    private final Precopy precopy;
    private final OutgoingConnector first;
    private volatile OutgoingConnector connector;
    private final Thread thread;

    OutgoingRun(Precopy precopy, OutgoingConnector connector) {
        this.precopy = precopy;
        this.first = connector;
        this.connector = connector;
        this.thread = Thread.ofPlatform().name("precopy").daemon(true).unstarted(this::run);
    }

    /** Starts it, and returns when it is under way. */
    void start() throws ControlException {
        thread.start();
        try {
            first.begun().await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException("interrupted while the migration was being started; it goes on", e);
        }
    }

    private void run() {
        try {
            precopy.run();
        } catch (MigrationException e) {
            System.getLogger("dev.godwit.operations")
                    .log(
                            Level.DEBUG,
                            () -> "the migration ended: " + e.getMessage() + " (" + e.guestLocation() + ")",
                            e);
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
            throw new ControlException("interrupted while the last migration was tidied up", e);
        }
    }

    @Override
    public MigrationStatus status() {
        return precopy.state().status();
    }

    @Override
    public MigrationReport report() {
        return precopy.report();
    }

    void proceed() throws ControlException {
        precopy.proceed();
    }

    void startPostcopy() {
        precopy.startPostcopy();
    }

    void pause() throws ControlException {
        precopy.pause();
    }

    void resume(OutgoingConnector again) throws ControlException {
        connector = again;
        precopy.resume(again);
    }

    Optional<String> lossAtEnd() {
        return precopy.lossAtEnd();
    }

    @Override
    public void cancel() {
        precopy.cancel();
        connector.stop();
    }

    /** A guest that has gone before its RAM is lost. */
    @Override
    public void close() {
        precopy.abandon();
        connector.stop();
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
