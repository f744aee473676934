package dev.godwit.ram;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Tells pages that hold only zeros from the rest. */
public final class ZeroPages {

    private static final MemorySegment ZEROS = MemorySegment.ofArray(new long[Page.SIZE_BYTES / 8]);

    private ZeroPages() {}

    /**
     * {@return whether a page is all zero} Looks at the first and last word before it looks at the rest: most pages
     * with content show it there.
     *
     * @param memory holds the page; not memory that may fault on userfaultfd
     * @param offsetBytes where the page starts in it
     */
    public static boolean isZero(MemorySegment memory, long offsetBytes) {
        return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offsetBytes) == 0
                && memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offsetBytes + Page.SIZE_BYTES - 8) == 0
                && MemorySegment.mismatch(memory, offsetBytes, offsetBytes + Page.SIZE_BYTES, ZEROS, 0, Page.SIZE_BYTES)
                        < 0;
    }
}
