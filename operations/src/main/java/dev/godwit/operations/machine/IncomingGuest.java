package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import java.io.Closeable;

/** A guest that comes from elsewhere, or has come. Any thread may use it; closing it ends it, and waits for that. */
interface IncomingGuest extends Closeable {

    /** {@return how far it is} */
    MigrationStatus status();

    /** {@return how far it is, for {@code query-migrate}} */
    MigrationReport report();
}
