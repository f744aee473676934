package dev.godwit.codec;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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
 * Kept bytes at the end of the page are not encoded. Runs are made by {@link XbzrleEncoder}: a gap of fewer than four
 * equal bytes costs more as a run of its own than as literals.
 */
public final class Xbzrle {

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

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
}
