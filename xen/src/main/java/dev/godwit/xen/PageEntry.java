package dev.godwit.xen;

/**
 * An entry of a PAGE_DATA record: which frame, and what kind (Xen migration specification section 3.2).
 *
 * <pre>
 * bits 63..60  type: 0 normal, 1..4 page tables, 9..C pinned ones, D broken, E allocate only, F invalid
 * bits 59..52  zero
 * bits 51..0   frame number
 * </pre>
 */
public final class PageEntry {

    /** The type of an ordinary page. */
    public static final int NORMAL = 0;

    /** The type of a frame whose memory is broken; without content. */
    public static final int BROKEN = 0xD;

    /** The type of a frame that gets memory but no content. */
    public static final int ALLOCATE_ONLY = 0xE;

    /** The type of a frame that does not exist; without content. */
    public static final int INVALID = 0xF;

    /** Frame numbers are smaller. */
    static final long FRAMES = 1L << 52;

    private static final long RESERVED = 0xFFL << 52;

    private PageEntry() {}

    /**
     * {@return an entry}
     *
     * @throws IllegalArgumentException if the frame number or the type is out of range
     */
    public static long of(int type, long frame) {
        if (frame < 0 || frame >= FRAMES || !isType(type)) {
            throw new IllegalArgumentException("type=%d, frame=%d".formatted(type, frame));
        }
        return (long) type << 60 | frame;
    }

    /** {@return the type of an entry} */
    public static int type(long entry) {
        return (int) (entry >>> 60);
    }

    /** {@return the frame number of an entry} */
    public static long frame(long entry) {
        return entry & (FRAMES - 1);
    }

    /** {@return whether 4096 bytes go with an entry of this type} */
    public static boolean hasContent(long entry) {
        return type(entry) < BROKEN;
    }

    static boolean isValid(long entry) {
        return (entry & RESERVED) == 0 && isType(type(entry));
    }

    private static boolean isType(int type) {
        return (type >= 0 && type <= 4) || (type >= 9 && type <= 0xF);
    }
}
