package dev.godwit.qemu.multifd;

import dev.godwit.ram.Page;

/** Pages of one block that will share a packet. Owned by whoever holds it: the filler, the queue, then a channel. */
final class PageBatch {

    final long[] offsetsBytes = new long[MultifdPacket.MAX_PAGES];
    int blockIndex = -1;
    int pages;

    boolean takes(int block) {
        return pages < offsetsBytes.length && (pages == 0 || blockIndex == block);
    }

    void add(int block, long page) {
        blockIndex = block;
        offsetsBytes[pages++] = page * Page.SIZE_BYTES;
    }
}
