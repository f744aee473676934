package dev.godwit.engine.migration;

import java.util.Locale;

/** How a migration stands, in QEMU's words (qemu-migration specification section 7.3). */
public enum MigrationStatus {
    /** There has been no migration; never reported. */
    NONE,
    /** Connecting, or listening. */
    SETUP,
    /** Being cancelled. */
    CANCELLING,
    /** Cancelled; the guest is at the source. */
    CANCELLED,
    /** RAM is being sent or received while the guest runs at the source. */
    ACTIVE,
    /** The guest runs at the destination, and its RAM follows. */
    POSTCOPY_ACTIVE,
    /** The connection broke in postcopy; both sides wait. */
    POSTCOPY_PAUSED,
    /** Connecting again. */
    POSTCOPY_RECOVER_SETUP,
    /** Both sides compare what has been received. */
    POSTCOPY_RECOVER,
    /** The guest runs, or waits, at the destination. */
    COMPLETED,
    /** It failed; the guest is where it was. */
    FAILED,
    /** The guest is stopped at the source and waits for {@code migrate-continue}. */
    PRE_SWITCHOVER,
    /** The guest is stopped at the source; the rest of RAM and the devices are being sent. */
    DEVICE;

    /** {@return QEMU's word, for example {@code postcopy-active}} */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** {@return whether a migration is under way, paused included} */
    public boolean isUnderWay() {
        return switch (this) {
            case NONE, CANCELLED, COMPLETED, FAILED -> false;
            case SETUP,
                    CANCELLING,
                    ACTIVE,
                    POSTCOPY_ACTIVE,
                    POSTCOPY_PAUSED,
                    POSTCOPY_RECOVER_SETUP,
                    POSTCOPY_RECOVER,
                    PRE_SWITCHOVER,
                    DEVICE -> true;
        };
    }
}
