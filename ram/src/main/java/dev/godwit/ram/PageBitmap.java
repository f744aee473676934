package dev.godwit.ram;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * One bit a page of a RAM block: which pages are present, dirty or received, as the owner means it.
 *
 * <p>Not thread-safe, except that both {@code set} and {@code clear} and {@link #get(long)} are atomic: several threads
 * may mark different pages at once, also pages of one word. Whole-bitmap methods want quiet.
 */
public final class PageBitmap {

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
    private static final ValueLayout.OfLong LE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int NEAR_WORDS = 8;
    private static final int TOGETHER_WORDS = 256;
    private static final int ALIKE_WORDS = 4096;
    private static final long[] ZEROS = new long[ALIKE_WORDS];
    private static final long[] ONES = new long[ALIKE_WORDS];

    static {
        Arrays.fill(ONES, -1L);
    }

    private final long pages;
    private final long[] words;

    /**
     * A bitmap in which every bit is clear.
     *
     * @param pages how many pages there are, at least 1
     * @throws IllegalArgumentException if {@code pages} is less than 1 or needs more than 2^31 - 1 words
     */
    public PageBitmap(long pages) {
        if (pages < 1 || pages > 64L * Integer.MAX_VALUE) {
            throw new IllegalArgumentException("pages out of range: " + pages);
        }
        this.pages = pages;
        this.words = new long[(int) ((pages + 63) >>> 6)];
    }

    /** {@return how many pages the bitmap covers} */
    public long pages() {
        return pages;
    }

    /** Sets the bit of a page. */
    public void set(long page) {
        long bit = 1L << page;
        int word = (int) (check(page) >>> 6);
        if ((words[word] & bit) == 0) {
            WORD.getAndBitwiseOr(words, word, bit);
        }
    }

    /** Clears the bit of a page. */
    public void clear(long page) {
        WORD.getAndBitwiseAnd(words, (int) (check(page) >>> 6), ~(1L << page));
    }

    /** Sets the bits of consecutive pages; costs what the range is long. */
    public void set(long from, long pageCount) {
        if (pageCount < 1) {
            return;
        }
        long last = check(from) + check(pageCount - 1);
        int lastWord = (int) (check(last) >>> 6);
        for (int word = (int) (from >>> 6); word <= lastWord; word++) {
            long bits = bitsOf(word, from, last);
            if ((words[word] & bits) != bits) {
                WORD.getAndBitwiseOr(words, word, bits);
            }
        }
    }

    /** Clears the bits of consecutive pages; costs what the range is long, whatever else is set. */
    public void clear(long from, long pageCount) {
        if (pageCount < 1) {
            return;
        }
        long last = check(from) + check(pageCount - 1);
        int lastWord = (int) (check(last) >>> 6);
        for (int word = (int) (from >>> 6); word <= lastWord; word++) {
            long bits = bitsOf(word, from, last);
            if ((words[word] & bits) != 0) {
                WORD.getAndBitwiseAnd(words, word, ~bits);
            }
        }
    }

    /** The bits of a word that stand for pages from {@code from} to {@code last}, of which it has at least one. */
    private static long bitsOf(int word, long from, long last) {
        long bits = word == from >>> 6 ? -1L << from : -1L;
        return word == last >>> 6 ? bits & (-1L >>> (63 - (last & 63))) : bits;
    }

    /** Sets the bit of every page. */
    public void setAll() {
        Arrays.fill(words, -1L);
        int used = (int) (pages & 63);
        if (used != 0) {
            words[words.length - 1] = -1L >>> (64 - used);
        }
    }

    /**
     * Sets the bits that are set in another bitmap.
     *
     * @throws IllegalArgumentException if it covers another number of pages
     */
    public void or(PageBitmap other) {
        if (other.pages != pages) {
            throw new IllegalArgumentException("pages=%d, other.pages=%d".formatted(pages, other.pages));
        }
        int[] found = new int[TOGETHER_WORDS];
        int count = 0;
        for (int word = firstNotZero(other.words, 0); word >= 0; word = firstNotZero(other.words, word + 1)) {
            found[count++] = word;
            if (count == found.length) {
                or(other.words, found, count);
                count = 0;
            }
        }
        or(other.words, found, count);
    }

    /** Merges several words at once, so that the processor waits for the memory of all of them together. */
    private void or(long[] other, int[] which, int count) {
        for (int index = 0; index < count; index++) {
            words[which[index]] |= other[which[index]];
        }
    }

    /** {@return whether the bit of a page is set} */
    public boolean get(long page) {
        return ((long) WORD.getOpaque(words, (int) (check(page) >>> 6)) & (1L << page)) != 0;
    }

    /** {@return whether the bit was set; it is clear afterwards} */
    public boolean testAndClear(long page) {
        long bit = 1L << page;
        return ((long) WORD.getAndBitwiseAnd(words, (int) (check(page) >>> 6), ~bit) & bit) != 0;
    }

    /** {@return the first set page at or after {@code from}, or -1 where there is none} */
    public long nextSet(long from) {
        return next(from, ZEROS);
    }

    /** {@return the first clear page at or after {@code from}, or -1 where there is none} */
    public long nextClear(long from) {
        return next(from, ONES);
    }

    private long next(long from, long[] passedOver) {
        if (from >= pages) {
            return -1;
        }
        long passed = passedOver[0];
        int word = (int) (from >>> 6);
        int near = Math.min(words.length - word, NEAR_WORDS) + word;
        long bits = (words[word] ^ passed) & (-1L << from);
        while (bits == 0) { // once more where another thread has just changed the word that was found
            word++;
            if (word >= near) {
                word = firstUnlike(words, word, passedOver);
                if (word < 0) {
                    return -1;
                }
            }
            bits = words[word] ^ passed;
        }
        long page = ((long) word << 6) + Long.numberOfTrailingZeros(bits);
        return page < pages ? page : -1;
    }

    private static int firstNotZero(long[] words, int from) {
        int near = Math.min(words.length - from, NEAR_WORDS) + from;
        for (int word = from; word < near; word++) {
            if (words[word] != 0) {
                return word;
            }
        }
        return firstUnlike(words, near, ZEROS);
    }

    /**
     * {@return the first word at or after {@code from} that is another than those of {@code alike}, or -1} The JVM's
     * first compiler has vector code for this, and for no loop; but a call of it is dear where the next word is near.
     */
    private static int firstUnlike(long[] words, int from, long[] alike) {
        int start = from;
        while (start < words.length) {
            int length = Math.min(alike.length, words.length - start);
            int found = Arrays.mismatch(words, start, start + length, alike, 0, length);
            if (found >= 0) {
                return start + found;
            }
            start += length;
        }
        return -1;
    }

    /** {@return how many bits are set} */
    public long setPages() {
        long count = 0;
        for (int word = firstNotZero(words, 0); word >= 0; word = firstNotZero(words, word + 1)) {
            count += Long.bitCount(words[word]);
        }
        return count;
    }

    /** {@return the length in bytes of the bitmap as QEMU writes it: whole 64-bit words} */
    public long lengthBytes() {
        return words.length * 8L;
    }

    /**
     * Writes the bitmap as QEMU does on x86: 64-bit little-endian words, bit i is page i.
     *
     * @param target at least {@link #lengthBytes()} long
     */
    public void writeTo(MemorySegment target) {
        for (int word = 0; word < words.length; word++) {
            target.set(LE_LONG, word * 8L, words[word]);
        }
    }

    /**
     * Replaces the bits with those of a bitmap in QEMU's form.
     *
     * @param source at least {@link #lengthBytes()} long
     * @return whether every bit past the last page was clear, as it has to be; the bits read are kept either way, those
     *     past the end are dropped
     */
    public boolean readFrom(MemorySegment source) {
        for (int word = 0; word < words.length; word++) {
            words[word] = source.get(LE_LONG, word * 8L);
        }
        int used = (int) (pages & 63);
        if (used == 0) {
            return true;
        }
        long past = words[words.length - 1] & (-1L << used);
        words[words.length - 1] &= ~past;
        return past == 0;
    }

    private long check(long page) {
        if (page < 0 || page >= pages) {
            throw new IndexOutOfBoundsException("page " + page + " of " + pages);
        }
        return page;
    }
}
