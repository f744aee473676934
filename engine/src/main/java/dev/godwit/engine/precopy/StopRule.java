package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameters;
import java.util.OptionalLong;

/** When the dirty log is read again, and when the guest is stopped: a policy. Owned by the lap's thread. */
public interface StopRule {

    /** What the lap does next. */
    enum Decision {
        /** Send more of what is dirty. */
        SEND,
        /** Read the dirty log, then ask again. */
        READ_DIRTY_LOG,
        /** Stop the guest and send the rest. */
        SWITCH_OVER
    }

    /** {@return what to do next} Asked before each part, and after each reading of the log. */
    Decision decide(LapView view);

    /**
     * A window of at least 100 ms is over.
     *
     * @param bytes sent in it
     * @param ms its length
     * @param view how far the lap is
     */
    void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters);

    /** {@return how long the guest would stand still for what was dirty when the log was read last, in ms} */
    OptionalLong expectedDowntimeMs();
}
