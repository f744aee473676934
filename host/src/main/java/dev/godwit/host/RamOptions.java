package dev.godwit.host;

/**
 * How guest RAM is had.
 *
 * @param backing what it is made of
 * @param transparentHugePages what the kernel is told; of no meaning on {@link RamBacking#HUGETLB_2M}
 */
public record RamOptions(RamBacking backing, TransparentHugePages transparentHugePages) {

    /** Anonymous memory as the host is set. */
    public static final RamOptions DEFAULT = new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.HOST_SETTING);

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if transparent huge pages are asked for or forbidden on real ones
     */
    public RamOptions {
        if (backing == RamBacking.HUGETLB_2M && transparentHugePages != TransparentHugePages.HOST_SETTING) {
            throw new IllegalArgumentException("RAM on huge pages of the pool has no transparent ones");
        }
    }

    /** {@return memory of a kind, as the host is set} */
    public static RamOptions of(RamBacking backing) {
        return new RamOptions(backing, TransparentHugePages.HOST_SETTING);
    }
}
