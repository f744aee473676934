package dev.godwit.engine;

/** Where the guest is after a migration ended: the one question that an operator has when one fails. */
public enum GuestLocation {
    /** The guest is at the source, as it was. */
    GUEST_AT_SOURCE,
    /** The guest runs at the destination, or waits there; the source must not run it again. */
    GUEST_AT_DESTINATION,
    /** Neither side holds the whole guest any more. */
    GUEST_LOST
}
