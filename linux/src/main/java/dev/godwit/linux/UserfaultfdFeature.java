package dev.godwit.linux;

import java.util.EnumSet;
import java.util.Set;

/** What a userfaultfd can do, by the kernel's own names ({@code UFFD_FEATURE_*}); the constants stand in bit order. */
public enum UserfaultfdFeature {
    /** Faults on write-protected pages are reported (anonymous memory). */
    PAGEFAULT_FLAG_WP,
    /** A fork is reported. */
    EVENT_FORK,
    /** A moved mapping is reported. */
    EVENT_REMAP,
    /** Discarded memory is reported. */
    EVENT_REMOVE,
    /** Missing pages of hugetlbfs. */
    MISSING_HUGETLBFS,
    /** Missing pages of shared memory. */
    MISSING_SHMEM,
    /** A removed mapping is reported. */
    EVENT_UNMAP,
    /** A signal instead of a fault message. */
    SIGBUS,
    /** The faulting thread's id is reported. */
    THREAD_ID,
    /** Minor faults of hugetlbfs. */
    MINOR_HUGETLBFS,
    /** Minor faults of shared memory. */
    MINOR_SHMEM,
    /** The exact address of a fault. */
    EXACT_ADDRESS,
    /** Write protection of shared memory and hugetlbfs. */
    WP_HUGETLBFS_SHMEM,
    /** Write protection of pages that were never touched. */
    WP_UNPOPULATED,
    /** Pages can be poisoned. */
    POISON,
    /** Write protection that the kernel lifts by itself, for dirty tracking. */
    WP_ASYNC,
    /** Pages can be moved instead of copied. */
    MOVE;

    /** {@return the features of the kernel's bits; bits that are not known here are left out} */
    static Set<UserfaultfdFeature> ofBits(long bits) {
        Set<UserfaultfdFeature> features = EnumSet.noneOf(UserfaultfdFeature.class);
        for (UserfaultfdFeature feature : values()) {
            if ((bits & feature.bit()) != 0) {
                features.add(feature);
            }
        }
        return features;
    }

    /** {@return the kernel's bits of features} */
    static long bits(Set<UserfaultfdFeature> features) {
        long bits = 0;
        for (UserfaultfdFeature feature : features) {
            bits |= feature.bit();
        }
        return bits;
    }

    @SuppressWarnings("EnumOrdinal") // the constants stand in the kernel's bit order; a test holds them to its header
    long bit() {
        return 1L << ordinal();
    }
}
