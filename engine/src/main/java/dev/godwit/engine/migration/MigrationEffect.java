package dev.godwit.engine.migration;

/** What has to be done on the way from one {@link MigrationState} to the next, in the order of the list. */
public enum MigrationEffect {
    /** Say the new status. */
    TELL_STATUS,
    /** Close the connections, so that nobody waits at them. */
    CLOSE_CONNECTIONS,
    /** Source: say that no more comes, and hear what the destination makes of it, for a while. */
    END_OUTPUT,
    /** Source: the guest goes on here, if it ran. */
    TAKE_GUEST_BACK,
    /** Source: this copy of the guest never runs again. */
    GIVE_GUEST_UP,
    /** Destination: the guest runs here, if it ran at the source. */
    START_GUEST,
    /** Destination: tell the source that the guest is here. */
    CONFIRM,
    /** Destination: the guest stands still; the source keeps it. */
    STOP_GUEST,
    /** Destination: tell the source that it keeps its guest. */
    REFUSE
}
