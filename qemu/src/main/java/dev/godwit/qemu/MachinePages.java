package dev.godwit.qemu;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageViews;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Writes pages of a machine's memory as records of the main channel, from where they lie. Owned by one thread. */
final class MachinePages {

    private static final int NO_BLOCK = -1;

    private final GuestMemory memory;
    private final StreamWriter writer;
    private final PageViews views;
    private final MemorySegment[] blocks;
    private final long[] firstPages;
    private int lastBlock = NO_BLOCK;
    private long normalPages;
    private long zeroPages;

    MachinePages(GuestMemory memory, StreamWriter writer) {
        this.memory = memory;
        this.writer = writer;
        this.views = ByteOutput.views(memory);
        this.blocks = memory.blocks().toArray(MemorySegment[]::new);
        this.firstPages = new long[blocks.length];
        long pages = 0;
        for (int block = 0; block < blocks.length; block++) {
            firstPages[block] = pages;
            RamBlock sent = memory.layout().block(block);
            pages += sent.pages();
        }
    }

    /** {@return the number of a page in all of RAM} */
    long number(int blockIndex, long page) {
        return firstPages[blockIndex] + page;
    }

    /** {@return the memory of a block} */
    MemorySegment block(int blockIndex) {
        return blocks[blockIndex];
    }

    /** {@return the page where the zero pages end that start at a page: that page, if it has content} */
    long zerosEnd(int blockIndex, long page, long endPage) {
        return ZeroPages.zerosEnd(blocks[blockIndex], page * Page.SIZE_BYTES, endPage * Page.SIZE_BYTES)
                / Page.SIZE_BYTES;
    }

    /** {@return the page where the pages end that start at a page and have content, as far as a look at each tells} */
    long contentEnd(int blockIndex, long page, long endPage) {
        return ZeroPages.contentEnd(blocks[blockIndex], page * Page.SIZE_BYTES, endPage * Page.SIZE_BYTES)
                / Page.SIZE_BYTES;
    }

    void zero(int blockIndex, long page) throws IOException {
        writer.zeroPage(blockIndex, page * Page.SIZE_BYTES, continued(blockIndex));
        zeroPages++;
    }

    /** Sends a page as it will be when the output is flushed. */
    void lent(int blockIndex, long page) throws IOException {
        writer.lentPage(blockIndex, page * Page.SIZE_BYTES, continued(blockIndex), views);
        normalPages++;
    }

    /** Sends a page of which there is a copy. */
    void copied(int blockIndex, long page, MemorySegment content) throws IOException {
        writer.page(blockIndex, page * Page.SIZE_BYTES, continued(blockIndex), content);
        normalPages++;
    }

    /** Sends a page as a difference. */
    void difference(int blockIndex, long page, MemorySegment delta) throws IOException {
        writer.xbzrlePage(blockIndex, page * Page.SIZE_BYTES, continued(blockIndex), delta);
        normalPages++;
    }

    private boolean continued(int blockIndex) {
        boolean same = blockIndex == lastBlock;
        lastBlock = blockIndex;
        return same;
    }

    long normalPages() {
        return normalPages;
    }

    long zeroPages() {
        return zeroPages;
    }

    GuestMemory memory() {
        return memory;
    }
}
