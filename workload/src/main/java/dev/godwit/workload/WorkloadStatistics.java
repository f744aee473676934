package dev.godwit.workload;

/**
 * What the vCPUs have done so far.
 *
 * @param writtenPages how many writes they made, since the program began, on whichever machine
 * @param damagedPages how many pages they found damaged before they wrote them
 * @param longestStepNs the slowest write of this machine, page faults included: what the guest feels of a migration,
 *     the pause apart
 */
public record WorkloadStatistics(long writtenPages, long damagedPages, long longestStepNs) {}
