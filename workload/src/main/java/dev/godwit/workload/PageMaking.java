package dev.godwit.workload;

import dev.godwit.ram.Page;

/**
 * How the versions of a page are made.
 *
 * @param content what they are filled with
 * @param zeroPercentage the share of them that is all zero, 0 to 100; where pages are written in parts, the share of
 *     the pages that is zero until it is written first
 * @param writeBytes how much of a page a write replaces, besides its 32-byte header: a power of two from 64 to 4096;
 *     less than a page makes pages that differ little from their last version
 */
public record PageMaking(WorkloadContent content, int zeroPercentage, int writeBytes) {

    /** Whole random pages. */
    public static final PageMaking RANDOM_PAGES = new PageMaking(WorkloadContent.RANDOM, 0, Page.SIZE_BYTES);

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public PageMaking {
        if (zeroPercentage < 0 || zeroPercentage > 100) {
            throw new IllegalArgumentException("zeroPercentage is " + zeroPercentage + "; it has to be 0 to 100");
        }
        if (writeBytes < 64 || writeBytes > Page.SIZE_BYTES || Integer.bitCount(writeBytes) != 1) {
            throw new IllegalArgumentException(
                    "writeBytes is " + writeBytes + "; it has to be a power of two from 64 to " + Page.SIZE_BYTES);
        }
    }

    /**
     * Written out: what a record gets by itself is linked at its first use, milliseconds for which a guest stands
     * still.
     */
    @Override
    public boolean equals(Object other) {
        return other instanceof PageMaking making
                && making.content == content
                && making.zeroPercentage == zeroPercentage
                && making.writeBytes == writeBytes;
    }

    @Override
    public int hashCode() {
        return 31 * (31 * content.hashCode() + zeroPercentage) + writeBytes;
    }

    /** {@return in how many parts a page is written} */
    int parts() {
        return Page.SIZE_BYTES / writeBytes;
    }
}
