package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
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

    /**
     * {@return the rules of Xen's HVM save of 2007}
     *
     * @param mostRounds with a running guest; 0 for Xen's own 29
     * @param mostTimesAllPages when there is no hope; 0 for Xen's own 3
     */
    public static PrecopyPolicy xen(GuestMemory memory, int mostRounds, int mostTimesAllPages) {
        return new PrecopyPolicy(
                new PermutedScan(memory.layout()),
                new PeekSkip(memory.layout()),
                new RoundsStop(mostRounds, mostTimesAllPages),
                true);
    }

    /** {@return the rules that parameters choose} */
    public static PrecopyPolicy chosen(MigrationParameters parameters, GuestMemory memory) {
        String name = parameters.text(MigrationParameter.X_POLICY);
        return switch (name) {
            case "qemu" -> qemu(memory);
            case "brief" -> brief(memory);
            case "xen" ->
                xen(memory, (int) parameters.number(MigrationParameter.X_XEN_MAX_ITERS), (int)
                        parameters.number(MigrationParameter.X_XEN_MAX_FACTOR));
            default -> throw new AssertionError(name);
        };
    }
}
