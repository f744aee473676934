package dev.godwit.linux;

import java.util.EnumSet;
import java.util.Set;

/** What the kernel says of a page, by its own names ({@code PAGE_IS_*} of {@code linux/fs.h}), in bit order. */
public enum PageCategory {
    /** It can be write-protected: it is in memory registered with {@link Userfaultfd.Mode#WRITE_PROTECT}. */
    WPALLOWED,
    /** It was written since it was write-protected last; also a page that was never there. */
    WRITTEN,
    /** It is a file's, or shared memory. */
    FILE,
    /** It is in memory. */
    PRESENT,
    /** It is swapped out. */
    SWAPPED,
    /** It is the kernel's page of zeros. */
    PFNZERO,
    /** It is part of a huge page. */
    HUGE,
    /** It was written since its soft-dirty bit was cleared. */
    SOFT_DIRTY;

    static Set<PageCategory> ofBits(long bits) {
        Set<PageCategory> categories = EnumSet.noneOf(PageCategory.class);
        for (PageCategory category : values()) {
            if ((bits & category.bit()) != 0) {
                categories.add(category);
            }
        }
        return categories;
    }

    static long bits(Set<PageCategory> categories) {
        long bits = 0;
        for (PageCategory category : categories) {
            bits |= category.bit();
        }
        return bits;
    }

    /** {@return its bit in what {@link PagemapScan#categories} answers} */
    @SuppressWarnings("EnumOrdinal") // the constants stand in the kernel's bit order; a test holds them to its header
    public long bit() {
        return 1L << ordinal();
    }
}
