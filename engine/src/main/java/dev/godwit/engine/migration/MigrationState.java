package dev.godwit.engine.migration;

import dev.godwit.engine.GuestLocation;

/**
 * Where a migration stands, with what has to be known there. {@link SourceStates} and {@link DestinationStates} say
 * what leads from one to another.
 */
public sealed interface MigrationState {

    /** {@return QEMU's word for it} */
    MigrationStatus status();

    /** Nothing has happened yet. */
    record Idle() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.NONE;
        }
    }

    /** Source: connecting, up to the first page. Destination: listening. */
    record Setup() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.SETUP;
        }
    }

    /** RAM travels; the guest may run at the source. */
    record Active() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.ACTIVE;
        }
    }

    /** Source: the guest is stopped, and waits for {@code migrate-continue}. */
    record PreSwitchover() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.PRE_SWITCHOVER;
        }
    }

    /**
     * Source: the guest is stopped; the rest of RAM and the devices travel, then the destination's word is awaited.
     *
     * @param allSent whether the last byte has been written
     * @param confirmed whether the destination has said that it has the guest; its word may come before the lap knows
     *     that the last byte is written
     */
    record Device(boolean allSent, boolean confirmed) implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.DEVICE;
        }
    }

    /**
     * Source: being undone.
     *
     * @param mayBeThere whether the last bytes were on their way, so that the destination's word still counts
     */
    record Cancelling(boolean mayBeThere) implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.CANCELLING;
        }
    }

    /** Source: undone; the guest is where it was. */
    record Cancelled() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.CANCELLED;
        }
    }

    /** Source: the guest runs at the destination, or is about to, and the rest of its RAM follows. */
    record PostcopyActive() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.POSTCOPY_ACTIVE;
        }
    }

    /**
     * Source: the connection is gone. The guest is at the destination, where it waits for pages that only this side
     * has; they are kept.
     *
     * @param error what happened, for people
     */
    record PostcopyPaused(String error) implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.POSTCOPY_PAUSED;
        }
    }

    /** Source: connecting again. */
    record PostcopyRecoverSetup() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.POSTCOPY_RECOVER_SETUP;
        }
    }

    /** Source: connected again; the destination says which pages it has. */
    record PostcopyRecover() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.POSTCOPY_RECOVER;
        }
    }

    /** Destination: the guest is whole here and is being started; the source has not been told yet. */
    record Handover() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.ACTIVE;
        }
    }

    /** How the source of an incoming postcopy can be reached. */
    enum SourceLink {
        /** It is connected, and sends pages. */
        CONNECTED,
        /** The connection is gone. */
        BROKEN,
        /** It is connected again, and asks what is here. */
        RECOVERING
    }

    /**
     * Destination: the devices are here, and RAM follows as it is asked for.
     *
     * @param link how the source can be reached
     * @param guestStarted whether the guest runs here, or would if it had at the source; the source never runs it again
     *     then
     * @param error why the link is broken, for people; empty where it is not
     */
    record IncomingPostcopy(SourceLink link, boolean guestStarted, String error) implements MigrationState {
        @Override
        public MigrationStatus status() {
            return switch (link) {
                case CONNECTED -> MigrationStatus.POSTCOPY_ACTIVE;
                case BROKEN -> MigrationStatus.POSTCOPY_PAUSED;
                case RECOVERING -> MigrationStatus.POSTCOPY_RECOVER;
            };
        }
    }

    /** Done: the guest is at the destination. */
    record Completed() implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.COMPLETED;
        }
    }

    /**
     * It failed.
     *
     * @param error what happened, for people
     * @param guest where the guest is now
     */
    record Failed(String error, GuestLocation guest) implements MigrationState {
        @Override
        public MigrationStatus status() {
            return MigrationStatus.FAILED;
        }
    }
}
