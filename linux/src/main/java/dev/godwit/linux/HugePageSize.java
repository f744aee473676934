package dev.godwit.linux;

import dev.godwit.linux.calls.MappingCalls;

/** The pages that memory is had in: ordinary ones, or such of the kernel's pools of huge pages ({@link HugePages}). */
public enum HugePageSize {
    /** Ordinary pages of {@link Host#pageSize()}. */
    NONE(0),
    /** Huge pages of 2 MiB. */
    MIB_2(21),
    /** Huge pages of 1 GiB. */
    GIB_1(30);

    private final int shift;

    HugePageSize(int shift) {
        this.shift = shift;
    }

    /** {@return the size of one page in bytes} */
    public long pageBytes() {
        return this == NONE ? Host.pageSize() : 1L << shift;
    }

    /** {@return the flags of mmap and memfd_create, which put the page's size in the same place} */
    int flags(int hugetlb) {
        return this == NONE ? 0 : hugetlb | shift << MappingCalls.MAP_HUGE_SHIFT;
    }

    /** Refuses a length that is not whole pages. */
    void checkWhole(String what, long bytes) {
        if (bytes % pageBytes() != 0) {
            throw new IllegalArgumentException(what + " " + bytes + " is no multiple of the page of " + pageBytes());
        }
    }
}
