package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.Machine;
import java.time.Duration;

/**
 * Processor time of this process so far.
 *
 * @param toolNs of all but the vCPUs
 * @param guestNs of the vCPUs, as far as the machine tells
 */
record CpuTimes(long toolNs, long guestNs) {

    static CpuTimes now(Machine machine) {
        long guestNs = machine.vcpuTimeNs();
        long allNs = ProcessHandle.current()
                .info()
                .totalCpuDuration()
                .map(Duration::toNanos)
                .orElse(0L);
        return new CpuTimes(Math.max(0, allNs - guestNs), guestNs);
    }
}
