package dev.godwit.workload;

import dev.godwit.ram.Page;

/**
 * What the vCPUs do; may be changed while they do it.
 *
 * @param pagesPerSecond how many pages all vCPUs together write; 0 for none, {@link #AS_FAST_AS_POSSIBLE}
 * @param pattern in which order
 * @param workingSetBytes how much of the writable RAM they write, spread over its blocks; a multiple of a page, at
 *     least a page for each vCPU; {@link #ALL} for all of it
 * @param hotWritePercentage the share of the writes that goes to the hot part of the working set, 0 (there is none) to
 *     99
 * @param hotSetPercentage how large that part is, 1 to 99
 */
public record WorkloadLoad(
        long pagesPerSecond,
        WorkloadPattern pattern,
        long workingSetBytes,
        int hotWritePercentage,
        int hotSetPercentage) {

    /** No limit to {@link #pagesPerSecond()}. */
    public static final long AS_FAST_AS_POSSIBLE = -1;

    /** All RAM that is writable, as the {@link #workingSetBytes()}. */
    public static final long ALL = 0;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public WorkloadLoad {
        require(pagesPerSecond >= AS_FAST_AS_POSSIBLE, "pagesPerSecond", pagesPerSecond, "-1 or more");
        require(
                workingSetBytes >= 0 && workingSetBytes % Page.SIZE_BYTES == 0,
                "workingSetBytes",
                workingSetBytes,
                "a multiple of " + Page.SIZE_BYTES);
        require(
                hotWritePercentage >= 0 && hotWritePercentage <= 99,
                "hotWritePercentage",
                hotWritePercentage,
                "0 to 99");
        require(hotSetPercentage >= 1 && hotSetPercentage <= 99, "hotSetPercentage", hotSetPercentage, "1 to 99");
    }

    /** {@return a load on all writable RAM, without a hot part} */
    public static WorkloadLoad of(long pagesPerSecond, WorkloadPattern pattern) {
        return new WorkloadLoad(pagesPerSecond, pattern, ALL, 0, 10);
    }

    /** {@return the same with another rate} */
    public WorkloadLoad withPagesPerSecond(long rate) {
        return new WorkloadLoad(rate, pattern, workingSetBytes, hotWritePercentage, hotSetPercentage);
    }

    /** {@return the same on another working set} */
    public WorkloadLoad withWorkingSetBytes(long lengthBytes) {
        return new WorkloadLoad(pagesPerSecond, pattern, lengthBytes, hotWritePercentage, hotSetPercentage);
    }

    /** {@return the same with a hot part} */
    public WorkloadLoad withHot(int writePercentage, int setPercentage) {
        return new WorkloadLoad(pagesPerSecond, pattern, workingSetBytes, writePercentage, setPercentage);
    }

    /** {@return whether both make the same steps, at whatever rate} */
    boolean stepsLike(WorkloadLoad other) {
        return withPagesPerSecond(0).equals(other.withPagesPerSecond(0));
    }

    private static void require(boolean holds, String name, long value, String range) {
        if (!holds) {
            throw new IllegalArgumentException("%s is %d; it has to be %s".formatted(name, value, range));
        }
    }
}
