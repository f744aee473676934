package dev.godwit.xen;

/**
 * The frame numbers of an HVM domain of 2007, holes included (Xen migration specification sections 1.3 and 2.6).
 *
 * <pre>
 * 0xA0..0xBF        VGA hole
 * 0xF0000..0xFFFFF  MMIO hole
 * the last three frames below the MMIO hole: BUFIOREQ, STORE, IOREQ
 * </pre>
 *
 * @param maxPfn the highest frame number
 */
public record FrameSpace(long maxPfn) {

    /** Frame numbers are smaller: the upper four of 32 bits hold a type. */
    public static final long MOST_FRAMES = 1L << 28;

    static final long VGA_HOLE = 0xA0;
    static final long VGA_HOLE_END = 0xC0;
    static final long MMIO_HOLE = 0xF0000;
    static final long MMIO_HOLE_END = 0x100000;
    private static final long FRAMEBUFFER_PAGES = 0x800;

    /**
     * Checks the value.
     *
     * @throws IllegalArgumentException if there is no frame behind the VGA hole
     */
    public FrameSpace {
        if (maxPfn < VGA_HOLE_END) {
            throw new IllegalArgumentException("maxPfn=" + maxPfn);
        }
    }

    /**
     * {@return the space as the saver of 2007 worked it out}
     *
     * @param pages how many pages the domain has
     * @param framebufferApart whether the device model saves the framebuffer, which counts among the pages
     */
    public static FrameSpace of(long pages, boolean framebufferApart) {
        long max = maxBelow4GiB(pages, framebufferApart);
        return new FrameSpace(max >= MMIO_HOLE ? max + MMIO_HOLE_END - MMIO_HOLE : max);
    }

    private static long maxBelow4GiB(long pages, boolean framebufferApart) {
        return pages - 1 - (framebufferApart ? FRAMEBUFFER_PAGES : 0) + VGA_HOLE_END - VGA_HOLE;
    }

    /** {@return how many frame numbers there are} */
    public long frames() {
        return maxPfn + 1;
    }

    /** {@return whether there is never memory at a frame} */
    public boolean isHole(long frame) {
        return (frame >= VGA_HOLE && frame < VGA_HOLE_END) || (frame >= MMIO_HOLE && frame < MMIO_HOLE_END);
    }

    /** {@return the frames of I/O requests, the store, and buffered I/O requests as the restorer places them} */
    public SpecialFrames specialFrames() {
        long top = Math.min(frames(), MMIO_HOLE) - 1;
        return new SpecialFrames(top, top - 1, top - 2);
    }
}
