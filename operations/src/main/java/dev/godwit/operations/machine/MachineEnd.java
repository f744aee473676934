package dev.godwit.operations.machine;

/** How a machine's run has ended. */
public sealed interface MachineEnd {

    /**
     * It was told to.
     *
     * @param reason QEMU's word for it, for example {@code host-qmp-quit} or {@code host-signal}
     */
    record Quit(String reason) implements MachineEnd {}

    /**
     * It was told to while its guest was at a destination that had not all of its RAM: what only this side had is lost.
     *
     * @param error what that means, for people
     */
    record GuestLost(String error) implements MachineEnd {}

    /**
     * The incoming migration for which it waited failed: it never had a guest.
     *
     * @param error what happened, for people
     */
    record IncomingFailed(String error) implements MachineEnd {}
}
