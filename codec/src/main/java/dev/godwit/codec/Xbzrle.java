package dev.godwit.codec;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The difference of a page to its last sent content, as runs of kept and of new bytes (qemu-migration specification
 * section 2.4).
 *
 * <pre>
 * delta := { zrun nzrun }              until the input is used up; no pair at all: nothing changed
 * zrun  := ULEB                        count of kept bytes, 0 only at the start of the page
 * nzrun := ULEB, then literal bytes    count of new bytes, at least 1, and the bytes themselves
 * ULEB  := 1 byte below 0x80, else 2:  (v &amp; 0x7f) | 0x80, v &gt;&gt; 7; at most 0x3fff
 * </pre>
 *
 * Kept bytes at the end of the page are not encoded.
 */
public final class Xbzrle {

    /** What {@link #encode} answers when the delta is longer than its target. */
    public static final int OVERFLOW = -1;

    /** A gap of equal bytes shorter than this costs more as a run of its own than as literals. */
    private static final int SHORTEST_GAP_BYTES = 4;

    private static final int NEAR_BYTES = 64;

    /** All bits of each byte but its highest. */
    private static final long LOW_BITS = 0x7f7f7f7f7f7f7f7fL;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Xbzrle() {}

    /**
     * Applies a delta to a page.
     *
     * @param delta the encoded bytes, nothing else; empty changes nothing
     * @param page the page as it was when the delta was made, at least {@link Page#SIZE_BYTES} long
     * @throws PageDecodingException if the delta is no legal one; the runs before the fault are applied
     */
    public static void decode(MemorySegment delta, MemorySegment page) throws PageDecodingException {
        long length = delta.byteSize();
        long in = 0;
        int out = 0;
        while (in < length) {
            int kept = uleb(delta, in, length);
            in += ulebBytes(delta, in);
            if (kept == 0 && out != 0) {
                throw new PageDecodingException("an empty run of kept bytes at page offset " + out);
            }
            if (kept > Page.SIZE_BYTES - out) {
                throw pastTheEnd("kept", kept, out);
            }
            out += kept;
            int changed = uleb(delta, in, length);
            in += ulebBytes(delta, in);
            if (changed == 0) {
                throw new PageDecodingException("an empty run of new bytes at page offset " + out);
            }
            if (changed > Page.SIZE_BYTES - out) {
                throw pastTheEnd("new", changed, out);
            }
            if (changed > length - in) {
                throw new PageDecodingException(
                        "a run of " + changed + " new bytes of which the delta holds " + (length - in));
            }
            MemorySegment.copy(delta, in, page, out, changed);
            in += changed;
            out += changed;
        }
    }

    private static PageDecodingException pastTheEnd(String what, int runBytes, int pageOffset) {
        return new PageDecodingException(
                "a run of " + runBytes + " " + what + " bytes at page offset " + pageOffset + ", past the page's end");
    }

    private static int uleb(MemorySegment delta, long at, long length) throws PageDecodingException {
        if (length - at < 2) {
            throw new PageDecodingException("the delta ends inside a run, " + (length - at) + " bytes before its end");
        }
        int low = delta.get(BYTE, at);
        if (low >= 0) {
            return low;
        }
        int high = delta.get(BYTE, at + 1);
        if (high < 0) {
            throw new PageDecodingException("a run length of more than two bytes at delta offset " + at);
        }
        return (low & 0x7f) | (high << 7);
    }

    private static int ulebBytes(MemorySegment delta, long at) {
        return delta.get(BYTE, at) < 0 ? 2 : 1;
    }

    /**
     * Encodes how a page changed.
     *
     * @param base what the receiver has, one page
     * @param page what it is to have, one page
     * @param target where the delta goes
     * @return the length of the delta in bytes; 0 where nothing changed; {@link #OVERFLOW} where the target is too
     *     short, which then holds rubbish
     */
    public static int encode(MemorySegment base, MemorySegment page, MemorySegment target) {
        long capacity = target.byteSize();
        long out = 0;
        int runEnd = 0;
        int start = nextDifference(base, page, 0);
        while (start < Page.SIZE_BYTES) {
            int end = endOfChange(base, page, start);
            int kept = start - runEnd;
            int changed = end - start;
            if (capacity - out < (kept < 0x80 ? 1 : 2) + (changed < 0x80 ? 1 : 2) + changed) {
                return OVERFLOW;
            }
            out = putUleb(target, out, kept);
            out = putUleb(target, out, changed);
            MemorySegment.copy(page, start, target, out, changed);
            out += changed;
            runEnd = end;
            start = nextDifference(base, page, end);
        }
        return (int) out;
    }

    private static int nextDifference(MemorySegment base, MemorySegment page, int from) {
        int at = from;
        // The next change is often near, and mismatch has its price.
        for (int near = Math.min(from + NEAR_BYTES, Page.SIZE_BYTES); at + Long.BYTES <= near; at += Long.BYTES) {
            long difference = base.get(LONG, at) ^ page.get(LONG, at);
            if (difference != 0) {
                return at + (Long.numberOfTrailingZeros(difference) >>> 3);
            }
        }
        long distance = MemorySegment.mismatch(base, at, Page.SIZE_BYTES, page, at, Page.SIZE_BYTES);
        return distance < 0 ? Page.SIZE_BYTES : at + (int) distance;
    }

    /** {@return where the run of changed bytes ends that starts at {@code start}; short equal gaps belong to it} */
    private static int endOfChange(MemorySegment base, MemorySegment page, int start) {
        int end = start + 1;
        int at = end;
        while (at + Long.BYTES <= Page.SIZE_BYTES) {
            // A bit for each byte from end to at + 8, set where it has changed; the first at - end of them have not.
            int changed = changedBytes(base.get(LONG, at) ^ page.get(LONG, at)) << (at - end);
            int equal = ~changed & ((1 << (at + Long.BYTES - end)) - 1);
            int gaps = equal & (equal >>> 1) & (equal >>> 2) & (equal >>> 3);
            if (gaps != 0) {
                return end + Integer.numberOfTrailingZeros(gaps);
            }
            end += Integer.SIZE - Integer.numberOfLeadingZeros(changed);
            at += Long.BYTES;
        }
        for (; at < Page.SIZE_BYTES && at - end < SHORTEST_GAP_BYTES; at++) {
            if (base.get(BYTE, at) != page.get(BYTE, at)) {
                end = at + 1;
            }
        }
        return end;
    }

    /** {@return a bit for each byte that is not 0, the lowest for the lowest} */
    private static int changedBytes(long difference) {
        long changed = (((difference & LOW_BITS) + LOW_BITS) | difference) & ~LOW_BITS;
        return (int) (((changed >>> 7) * 0x0102040810204080L) >>> 56);
    }

    private static long putUleb(MemorySegment target, long at, int value) {
        if (value < 0x80) {
            target.set(BYTE, at, (byte) value);
            return at + 1;
        }
        target.set(BYTE, at, (byte) (value | 0x80));
        target.set(BYTE, at + 1, (byte) (value >> 7));
        return at + 2;
    }
}
