package dev.godwit.host;

/**
 * How guest RAM is had.
 *
 * @param backing what it is made of
 * @param transparentHugePages what the kernel is told; of no meaning on {@link RamBacking#HUGETLB_2M}
 */
public record RamOptions(RamBacking backing, TransparentHugePages transparentHugePages) {

    /** Anonymous memory, of transparent huge pages where the host has them, as QEMU's. */
    public static final RamOptions DEFAULT = of(RamBacking.ANONYMOUS);

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

    /** {@return memory of a kind, of transparent huge pages where it is not of real ones, and the host has them} */
    public static RamOptions of(RamBacking backing) {
        return new RamOptions(
                backing,
                backing == RamBacking.HUGETLB_2M ? TransparentHugePages.HOST_SETTING : TransparentHugePages.WANTED);
    }
}
