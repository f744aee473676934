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

    /**
     * Source: its process ends before the destination has all pages.
     *
     * @param error what that means, for people
     */
    record Abandon(String error) implements MigrationTrigger {}

    /**
     * Destination: the machine has taken its devices' state, and has all of its RAM or, in postcopy, can have it on
     * demand.
     */
    record Loaded() implements MigrationTrigger {}

    /** Destination: the source has gone over to postcopy; its package is here, and missing pages are asked for. */
    record Listening() implements MigrationTrigger {}

    /**
     * Destination: the source of a postcopy cannot be reached any more.
     *
     * @param error what happened, for people
     */
    record Broken(String error) implements MigrationTrigger {}

    /** A new connection between the two sides of a postcopy. */
    record Reconnected() implements MigrationTrigger {}

    /** Source: the destination goes on over the new connection. Destination: the source sends pages again. */
    record Resumed() implements MigrationTrigger {}

    /** Destination: every page of a postcopy is here. */
    record AllReceived() implements MigrationTrigger {}

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
