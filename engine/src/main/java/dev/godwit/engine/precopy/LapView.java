package dev.godwit.engine.precopy;

/**
 * How far a lap is, as a {@link StopRule} sees it.
 *
 * @param dirtyBytes to be sent, as far as is known
 * @param exact whether the log has been read just now, so that no more are dirty
 * @param dirtyBytesAtSync how many bytes were dirty when the log was read last
 * @param dirtyPagesRate pages a second that the guest dirtied in the last period, 0 where it is not known
 * @param roundOver whether every page has been looked at since the log was read last
 * @param rounds how many rounds are done
 * @param sentPages in this round
 * @param skippedPages in this round
 * @param sentPagesInAll in all rounds
 * @param totalPages of the machine
 * @param canSwitchOver whether the destination and the settings allow it
 */
public record LapView(
        long dirtyBytes,
        boolean exact,
        long dirtyBytesAtSync,
        long dirtyPagesRate,
        boolean roundOver,
        long rounds,
        long sentPages,
        long skippedPages,
        long sentPagesInAll,
        long totalPages,
        boolean canSwitchOver) {}
