package dev.godwit.engine.migration;

/** What happens to a migration and may change its {@link MigrationState}. */
public sealed interface MigrationTrigger {

    /** The command was given. */
    record Begin() implements MigrationTrigger {}

    /** Source: everything before the first page is written. Destination: the source has connected. */
    record SetUp() implements MigrationTrigger {}

    /**
     * Source: the vCPUs stand still for the switchover.
     *
     * @param pauses whether {@code pause-before-switchover} is on
     */
    record GuestStopped(boolean pauses) implements MigrationTrigger {}

    /** Source: {@code migrate-continue}. */
    record Continue() implements MigrationTrigger {}

    /**
     * Source: the last byte is written.
     *
     * @param returnPath whether the destination will say how it went
     */
    record AllSent(boolean returnPath) implements MigrationTrigger {}

    /** Source: all that lets the guest run at the destination before its RAM is there has been written. */
    record HandedOver() implements MigrationTrigger {}

    /**
     * Source: the destination said, before it let the guest run, that it will not.
     *
     * @param error what happened, for people
     */
    record Refused(String error) implements MigrationTrigger {}

    /** Source: {@code migrate} with {@code resume}. */
    record Resume() implements MigrationTrigger {}

    /** Source: there is a new connection. */
    record Reconnected() implements MigrationTrigger {}

    /** Source: the destination goes on over the new connection. */
    record Resumed() implements MigrationTrigger {}

    /**
     * Source: its process ends before the destination has all pages.
     *
     * @param error what that means, for people
     */
    record Abandon(String error) implements MigrationTrigger {}

    /** Destination: the machine has all of its RAM and has taken its devices' state. */
    record Loaded() implements MigrationTrigger {}

    /** Source: SHUT(0) was received. Destination: the source has been told, where it wants to be. */
    record Confirmed() implements MigrationTrigger {}

    /** Somebody wants it undone. */
    record Cancel() implements MigrationTrigger {}

    /** Source: a cancelled migration's connections are closed, and nobody listens to the destination any more. */
    record Undone() implements MigrationTrigger {}

    /**
     * It cannot go on.
     *
     * @param error what happened, for people
     */
    record Failure(String error) implements MigrationTrigger {}
}
