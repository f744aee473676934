package dev.godwit.engine.migration;

import java.util.Locale;

/** Whether a guest runs and if not why, in QEMU's words ({@code query-status}). */
public enum RunStatus {
    /** Made with {@code -S}, never started. */
    PRELAUNCH,
    /** It waits for an incoming migration. */
    INMIGRATE,
    /** Its vCPUs run. */
    RUNNING,
    /** Stopped by {@code stop}. */
    PAUSED,
    /** Stopped by an outgoing migration, which is not over. */
    FINISH_MIGRATE,
    /** An outgoing migration has taken it away; this copy must not run again. */
    POSTMIGRATE,
    /** The guest has shut itself down. */
    SHUTDOWN,
    /** The machine failed. */
    INTERNAL_ERROR;

    /** {@return QEMU's word, for example {@code finish-migrate}} */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
