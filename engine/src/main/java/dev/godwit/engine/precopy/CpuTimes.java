package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.Machine;

/**
 * Processor time of this process so far.
 *
 * @param toolNs of all but the vCPUs
 * @param guestNs of the vCPUs, as far as the machine tells
 */
record CpuTimes(long toolNs, long guestNs) {

    static CpuTimes now(Machine machine) {
        long guestNs = machine.vcpuTimeNs();
        return new CpuTimes(Math.max(0, machine.processTimeNs() - guestNs), guestNs);
    }
}
