package dev.godwit.codec;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Makes the deltas that {@link Xbzrle} applies. Works on copies in arrays, which the JVM's first compiler is quick
 * with, and allocates nothing a page. Owned by one thread.
 */
public final class XbzrleEncoder {

    /** What {@link #encode} answers when the delta is longer than its target. */
    public static final int OVERFLOW = -1;

    private static final int WORDS = Page.SIZE_BYTES / Long.BYTES;
    private static final int NEAR_WORDS = 8;

    /** All bits of each byte but its highest. */
    private static final long LOW_BITS = 0x7f7f7f7f7f7f7f7fL;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final long[] old = new long[WORDS];
    private final long[] current = new long[WORDS];
    private final byte[] delta = new byte[2 * Page.SIZE_BYTES];

    /** An encoder for any number of pages. */
    public XbzrleEncoder() {}

    /**
     * Encodes how a page changed.
     *
     * @param base what the receiver has, one page
     * @param page what it is to have, one page, which nobody writes meanwhile
     * @param target where the delta goes
     * @return the length of the delta in bytes; 0 where nothing changed; {@link #OVERFLOW} where the target is too
     *     short, which is then as it was
     */
    public int encode(MemorySegment base, MemorySegment page, MemorySegment target) {
        long first = MemorySegment.mismatch(base, 0, Page.SIZE_BYTES, page, 0, Page.SIZE_BYTES);
        if (first < 0) {
            return 0;
        }
        MemorySegment.copy(base, LONG, 0, old, 0, WORDS);
        MemorySegment.copy(page, LONG, 0, current, 0, WORDS);
        long capacity = Math.min(target.byteSize(), delta.length);
        int out = 0;
        int runEnd = 0;
        int start = (int) first;
        while (start < Page.SIZE_BYTES) {
            int end = endOfChange(start);
            int kept = start - runEnd;
            int changed = end - start;
            if (capacity - out < (kept < 0x80 ? 1 : 2) + (changed < 0x80 ? 1 : 2) + changed) {
                return OVERFLOW;
            }
            out = putUleb(out, kept);
            out = putUleb(out, changed);
            MemorySegment.copy(page, BYTE, start, delta, out, changed);
            out += changed;
            runEnd = end;
            start = nextDifference(end);
        }
        MemorySegment.copy(delta, 0, target, BYTE, 0, out);
        return out;
    }

    private int nextDifference(int from) {
        if (from >= Page.SIZE_BYTES) {
            return Page.SIZE_BYTES;
        }
        int word = from >>> 3;
        long difference = (old[word] ^ current[word]) & (-1L << (from << 3));
        // The next change is often near, and mismatch has its price.
        for (int near = Math.min(word + NEAR_WORDS, WORDS - 1); difference == 0 && word < near; ) {
            word++;
            difference = old[word] ^ current[word];
        }
        if (difference == 0) {
            int distance = Arrays.mismatch(old, word + 1, WORDS, current, word + 1, WORDS);
            if (distance < 0) {
                return Page.SIZE_BYTES;
            }
            word += 1 + distance;
            difference = old[word] ^ current[word];
        }
        return (word << 3) + (Long.numberOfTrailingZeros(difference) >>> 3);
    }

    /** {@return where the run of changed bytes ends that starts at {@code start}; gaps of up to three belong to it} */
    private int endOfChange(int start) {
        int end = start;
        int at = start;
        while (at < Page.SIZE_BYTES) {
            int word = at >>> 3;
            // A bit for each byte from end to the end of the word, set where it has changed; up to at none has.
            int changed = (changedBytes(old[word] ^ current[word]) >>> (at & 7)) << (at - end);
            int next = (word + 1) << 3;
            int equal = ~changed & ((1 << (next - end)) - 1);
            int gaps = equal & (equal >>> 1) & (equal >>> 2) & (equal >>> 3);
            if (gaps != 0) {
                return end + Integer.numberOfTrailingZeros(gaps);
            }
            end += Integer.SIZE - Integer.numberOfLeadingZeros(changed);
            at = next;
        }
        return end;
    }

    /** {@return a bit for each byte that is not 0, the lowest for the lowest} */
    private static int changedBytes(long difference) {
        long changed = (((difference & LOW_BITS) + LOW_BITS) | difference) & ~LOW_BITS;
        return (int) (((changed >>> 7) * 0x0102040810204080L) >>> 56);
    }

    private int putUleb(int at, int value) {
        if (value < 0x80) {
            delta[at] = (byte) value;
            return at + 1;
        }
        delta[at] = (byte) (value | 0x80);
        delta[at + 1] = (byte) (value >> 7);
        return at + 2;
    }
}
