package dev.godwit.engine.migration;

import dev.godwit.engine.postcopy.FaultLatencies;
import java.util.List;

/**
 * For how long the guest waited for pages of its postcopy; at the destination, with {@code postcopy-blocktime}.
 *
 * @param blocktimeMs for how long all vCPUs waited at once
 * @param vcpuBlocktimeMs for how long each vCPU did
 * @param latencies of all faults, those of other threads included
 */
public record PostcopyReport(long blocktimeMs, List<Long> vcpuBlocktimeMs, FaultLatencies.Summary latencies) {

    /** Copies the list. */
    public PostcopyReport {
        vcpuBlocktimeMs = List.copyOf(vcpuBlocktimeMs);
    }
}
