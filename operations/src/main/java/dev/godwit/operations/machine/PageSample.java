package dev.godwit.operations.machine;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.zip.CRC32C;

/** Some pages of each block, with checksums of what was in them when this was made. Owned by one thread. */
final class PageSample {

    private static final long PAGES_A_GIBIBYTE = (1L << 30) / Page.SIZE_BYTES;

    private final GuestMemory memory;
    private final long[][] pages;
    private final long[][] checksums;

    /**
     * Takes a sample.
     *
     * @param pagesOfEachGibibyte how many pages; at least one of each block
     */
    PageSample(GuestMemory memory, long pagesOfEachGibibyte, Random random) {
        this.memory = memory;
        int blocks = memory.layout().blocks().size();
        pages = new long[blocks][];
        checksums = new long[blocks][];
        for (int block = 0; block < blocks; block++) {
            RamBlock one = memory.layout().block(block);
            long wanted = Math.clamp(one.pages() * pagesOfEachGibibyte / PAGES_A_GIBIBYTE, 1, one.pages());
            pages[block] = random.longs(wanted, 0, one.pages()).toArray();
            checksums[block] = new long[pages[block].length];
            for (int i = 0; i < checksums[block].length; i++) {
                checksums[block][i] = checksum(block, pages[block][i]);
            }
        }
    }

    /** {@return of how much RAM the content has changed since, as the sample lets expect} */
    double changedBytes() {
        double bytes = 0;
        for (int block = 0; block < pages.length; block++) {
            int changed = 0;
            for (int i = 0; i < pages[block].length; i++) {
                if (checksum(block, pages[block][i]) != checksums[block][i]) {
                    changed++;
                }
            }
            bytes += (double) memory.layout().block(block).lengthBytes() * changed / pages[block].length;
        }
        return bytes;
    }

    private long checksum(int block, long page) {
        MemorySegment content = memory.block(block).asSlice(page * Page.SIZE_BYTES, Page.SIZE_BYTES);
        CRC32C crc = new CRC32C();
        crc.update(content.asByteBuffer());
        return crc.getValue();
    }
}
