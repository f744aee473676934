package dev.godwit.kvm;

/** How a guest came to its end. Its vCPUs are parked, or will be in a moment. */
public sealed interface GuestEnd {

    /**
     * The guest asked for a reset, which ends this machine, or has shut itself down.
     *
     * @param how by what, for people
     */
    record Shutdown(String how) implements GuestEnd {}

    /**
     * A vCPU can run no more.
     *
     * @param why for people
     */
    record Failure(String why) implements GuestEnd {}
}
