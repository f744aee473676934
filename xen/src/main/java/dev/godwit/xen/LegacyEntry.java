package dev.godwit.xen;

/** An entry of a legacy batch: type in bits 31..28, frame number below (Xen migration specification section 2.7). */
public final class LegacyEntry {

    /** A page that could not be mapped, without a frame number: says nothing. */
    public static final long FILLER = 0xF000_0000L;

    /** The bits of a frame that gets memory but no content. */
    public static final long ALLOCATE_ONLY = 0xE000_0000L;

    private static final int BROKEN = 0xD;

    private LegacyEntry() {}

    /** {@return the frame number} */
    public static long frame(long entry) {
        return entry & (FrameSpace.MOST_FRAMES - 1);
    }

    /** {@return whether 4096 bytes go with the entry} */
    public static boolean hasContent(long entry) {
        return type(entry) < BROKEN;
    }

    static boolean isAllocateOnly(long entry) {
        return type(entry) == ALLOCATE_ONLY >>> 28;
    }

    static boolean isValid(long entry) {
        long type = type(entry);
        return entry >>> 32 == 0 && (type <= 4 || type >= 9);
    }

    private static long type(long entry) {
        return entry >>> 28;
    }
}
