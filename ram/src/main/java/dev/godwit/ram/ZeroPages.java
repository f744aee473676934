package dev.godwit.ram;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Tells pages that hold only zeros from the rest. */
public final class ZeroPages {

    /**
     * Few enough that they stay in the processor's nearest cache while the memory goes by that is compared with them.
     */
    private static final int ZERO_BYTES = 4 * Page.SIZE_BYTES;

    private static final MemorySegment ZEROS = MemorySegment.ofArray(new long[ZERO_BYTES / Long.BYTES]);

    private ZeroPages() {}

    /**
     * {@return whether a page is all zero} Looks at the first word before it looks at the rest: most pages with content
     * show it there.
     *
     * @param memory holds the page; not memory that may fault on userfaultfd
     * @param offsetBytes where the page starts in it
     */
    public static boolean isZero(MemorySegment memory, long offsetBytes) {
        return memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offsetBytes) == 0
                && MemorySegment.mismatch(memory, offsetBytes, offsetBytes + Page.SIZE_BYTES, ZEROS, 0, Page.SIZE_BYTES)
                        < 0;
    }

    /**
     * {@return where the zero pages end that start at a place: there, if its page has content} Faster than
     * {@link #isZero} for each of many pages. Each word is compared with zero, never with another of the memory: who
     * compares memory with itself, a word further on, may miss pages full of one word that were there all the time,
     * when the word before them becomes the same meanwhile.
     *
     * <p>What another thread writes meanwhile may be seen or not.
     *
     * @param memory holds the pages; not memory that may fault on userfaultfd
     * @param offsetBytes where the first page starts in it
     * @param endBytes where the last page to look at ends, at least a page further
     */
    public static long zerosEnd(MemorySegment memory, long offsetBytes, long endBytes) {
        long at = offsetBytes;
        while (at < endBytes) {
            long end = Math.min(endBytes, at + ZERO_BYTES);
            long content = MemorySegment.mismatch(memory, at, end, ZEROS, 0, end - at);
            if (content >= 0) {
                return at + content - content % Page.SIZE_BYTES;
            }
            at = end;
        }
        return at;
    }

    /**
     * {@return where the pages end that start at a place and show content in their first word} Looks at nothing else,
     * so that the memory of many pages is fetched at once: a page with zeros there ends them, whatever it holds behind.
     *
     * @param memory holds the pages; not memory that may fault on userfaultfd
     * @param offsetBytes where the first page starts in it
     * @param endBytes where the last page to look at ends
     */
    public static long contentEnd(MemorySegment memory, long offsetBytes, long endBytes) {
        long at = offsetBytes;
        while (at < endBytes && memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at) != 0) {
            at += Page.SIZE_BYTES;
        }
        return at;
    }
}
