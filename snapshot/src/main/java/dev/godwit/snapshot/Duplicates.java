package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Counts pages whose content another page has too. CRC-32C proposes, the bytes decide.
 *
 * <p>Memory: 8 bytes for each page that is present.
 */
public final class Duplicates {

    private static final long HEAP_SHARE = 2;
    /** How many different contents of one CRC are told apart; more of them are no chance. */
    private static final int MAX_CONTENTS = 64;

    private final RamSource ram;
    private final long[] firstPageOfBlock;

    private Duplicates(RamSource ram) {
        this.ram = ram;
        this.firstPageOfBlock = new long[ram.layout().blocks().size() + 1];
        for (int index = 0; index < ram.layout().blocks().size(); index++) {
            firstPageOfBlock[index + 1] =
                    firstPageOfBlock[index] + ram.layout().block(index).pages();
        }
    }

    /**
     * {@return how many present pages have the content of a present page before them}
     *
     * @throws IOException if pages cannot be read, or there are too many for this JVM's heap
     */
    public static long count(RamSource ram, Progress progress) throws IOException {
        return new Duplicates(ram).count(progress);
    }

    private long count(Progress progress) throws IOException {
        long pages = 0;
        for (int index = 0; index < ram.layout().blocks().size(); index++) {
            pages += ram.present(index).setPages();
        }
        if (pages * Long.BYTES > Runtime.getRuntime().maxMemory() / HEAP_SHARE
                || firstPageOfBlock[firstPageOfBlock.length - 1] > 1L << 32) {
            throw new IOException("too many pages to compare: " + pages);
        }
        progress.phase("looking for duplicate pages", pages * Page.SIZE_BYTES);
        long[] keys = keys((int) pages, progress);
        Arrays.sort(keys);
        long duplicates = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(2 * Page.SIZE_BYTES, Page.SIZE_BYTES);
            for (int start = 0; start < keys.length; ) {
                int end = start + 1;
                while (end < keys.length && keys[end] >>> 32 == keys[start] >>> 32) {
                    end++;
                }
                duplicates += inGroup(keys, start, end, buffer);
                start = end;
            }
        }
        return duplicates;
    }

    /** The CRC of each present page in the upper half, its number in the lower. */
    private long[] keys(int pages, Progress progress) throws IOException {
        long[] keys = new long[pages];
        int next = 0;
        CRC32C crc = new CRC32C();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(1 << 20, Page.SIZE_BYTES);
            for (int index = 0; index < ram.layout().blocks().size(); index++) {
                PageBitmap present = ram.present(index);
                long page = present.nextSet(0);
                while (page >= 0) {
                    long clear = present.nextClear(page);
                    long end = Math.min(clear < 0 ? present.pages() : clear, page + (1 << 20) / Page.SIZE_BYTES);
                    MemorySegment run = buffer.asSlice(0, (end - page) * Page.SIZE_BYTES);
                    ram.read(index, page * Page.SIZE_BYTES, run);
                    for (long at = page; at < end; at++) {
                        crc.reset();
                        crc.update(run.asSlice((at - page) * Page.SIZE_BYTES, Page.SIZE_BYTES)
                                .asByteBuffer());
                        keys[next++] = (crc.getValue() << 32) | (firstPageOfBlock[index] + at);
                    }
                    progress.advance(run.byteSize());
                    page = present.nextSet(end);
                }
            }
        }
        return keys;
    }

    private long inGroup(long[] keys, int start, int end, MemorySegment buffer) throws IOException {
        if (end - start < 2) {
            return 0;
        }
        MemorySegment one = buffer.asSlice(0, Page.SIZE_BYTES);
        MemorySegment other = buffer.asSlice(Page.SIZE_BYTES, Page.SIZE_BYTES);
        List<Long> contents = new ArrayList<>();
        long duplicates = 0;
        for (int at = start; at < end; at++) {
            read(keys[at], one);
            boolean known = false;
            for (int i = 0; i < contents.size() && !known; i++) {
                read(contents.get(i), other);
                known = one.mismatch(other) < 0;
            }
            if (known) {
                duplicates++;
            } else if (contents.size() < MAX_CONTENTS) {
                contents.add(keys[at]);
            }
        }
        return duplicates;
    }

    private void read(long key, MemorySegment target) throws IOException {
        long page = key & 0xffff_ffffL;
        int index = Arrays.binarySearch(firstPageOfBlock, page);
        int block = index >= 0 ? index : -index - 2;
        ram.read(block, (page - firstPageOfBlock[block]) * Page.SIZE_BYTES, target);
    }
}
