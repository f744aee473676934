package dev.godwit.engine.precopy;

import dev.godwit.ram.GuestMemory;

/**
 * The rules that steer a lap, for one migration.
 *
 * @param scan in which order pages are sent
 * @param skip which ones are left for later
 * @param stop when to read the log and when to stop the guest
 * @param roundsFollowTheLog whether a round begins with each reading of the log, as Xen's do; QEMU's scan goes on where
 *     it was
 */
public record PrecopyPolicy(ScanOrder scan, SkipRule skip, StopRule stop, boolean roundsFollowTheLog) {

    /** {@return QEMU's rules} */
    public static PrecopyPolicy qemu(GuestMemory memory) {
        return new PrecopyPolicy(new LinearScan(memory), SkipRule.NONE, new DowntimeStop(), false);
    }

    /** {@return QEMU's rules, but for a pause that is as short as the guest's writing allows} */
    public static PrecopyPolicy brief(GuestMemory memory) {
        return new PrecopyPolicy(new LinearScan(memory), SkipRule.NONE, new BriefStop(), false);
    }

    /** {@return the rules of Xen's HVM save of 2007} */
    public static PrecopyPolicy xen(GuestMemory memory) {
        return new PrecopyPolicy(
                new PermutedScan(memory.layout()), new PeekSkip(memory.layout()), new RoundsStop(), true);
    }

    /**
     * {@return the rules of a name}
     *
     * @param name {@code qemu}, {@code brief} or {@code xen}
     * @throws IllegalArgumentException if it is another
     */
    public static PrecopyPolicy named(String name, GuestMemory memory) {
        return switch (name) {
            case "qemu" -> qemu(memory);
            case "brief" -> brief(memory);
            case "xen" -> xen(memory);
            default -> throw new IllegalArgumentException("no such precopy policy: " + name);
        };
    }
}
