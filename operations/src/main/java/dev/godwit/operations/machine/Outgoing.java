package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import java.io.Closeable;

/** What takes a guest, or a snapshot of it, away from here, on a thread of its own. Any thread may use it. */
interface Outgoing extends Closeable {

    /** Waits until its thread, which outlives its status by a moment, has ended. Does nothing while it is under way. */
    void awaitEndIfOver() throws ControlException;

    MigrationStatus status();

    MigrationReport report();

    void cancel();

    /** Cancels it, and waits until it has ended. */
    @Override
    void close();
}
