package dev.godwit.operations;

import dev.godwit.engine.postcopy.LatencyStep;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PushPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A guest that runs at its destination and has all its RAM.
 *
 * @param machineType of the guest
 * @param ramBytes how much RAM it has, zero pages included
 * @param runState what QEMU says of it ({@code running}, {@code paused}, …), where its control socket was given
 * @param untilRun from the opening of the snapshot to the destination's word that the guest is about to run; empty
 *     where it ran before
 * @param total from the opening of the snapshot to the destination's word that it has everything
 * @param order by which pages were pushed
 * @param pages what was asked for and pushed
 * @param latencies from request to page, in steps
 * @param recordedPages how many pages the recording beside the snapshot has now, where one was asked for
 * @param notRecorded why there is none, where one was asked for and could not be kept
 */
public record LazyRestoreResult(
        String machineType,
        long ramBytes,
        Optional<String> runState,
        Optional<Duration> untilRun,
        Duration total,
        PushPolicy order,
        PostcopyCounters.Totals pages,
        List<LatencyStep> latencies,
        OptionalLong recordedPages,
        Optional<String> notRecorded) {

    /** Copies the steps. */
    public LazyRestoreResult {
        latencies = List.copyOf(latencies);
    }
}
