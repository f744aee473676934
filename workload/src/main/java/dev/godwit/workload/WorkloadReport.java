package dev.godwit.workload;

import java.util.List;

/**
 * What a verification found.
 *
 * @param checkedPages how many pages were compared, all of the RAM
 * @param damagedPages how many of them are not what they must be, and how many a vCPU found so before it wrote them
 * @param damages the first of them
 */
public record WorkloadReport(long checkedPages, long damagedPages, List<PageDamage> damages) {

    /** Copies the list. */
    public WorkloadReport {
        damages = List.copyOf(damages);
    }

    /** {@return whether every page is what it must be, and was whenever a vCPU looked} */
    public boolean isSound() {
        return damagedPages == 0;
    }
}
