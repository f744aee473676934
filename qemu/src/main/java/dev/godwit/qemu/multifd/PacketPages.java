package dev.godwit.qemu.multifd;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Hands the pages of a packet to a lane in the order of their offsets, so that what is consecutive in memory goes as
 * one run. A source that finds zero pages puts them at the end of the list by exchange, which turns what is between
 * around. Of a page that is there twice the later copy goes later. Owned by one thread.
 */
final class PacketPages {

    /** An offset is a multiple of a page, and a packet has fewer pages than a page has bytes: both fit into a long. */
    private static final int INDEX_MASK = Page.SIZE_BYTES - 1;

    private final long[] keys = new long[MultifdPacket.MAX_PAGES];

    /** Hands them over; {@code contents} are the pages that have content, in the packet's order. */
    void handOver(MultifdPacket packet, PageLane lane, int block, MemorySegment contents) throws IOException {
        int normalPages = packet.normalPages();
        int pages = packet.offsetsBytes().length;
        sort(packet.offsetsBytes(), 0, normalPages);
        for (int start = 0, end; start < normalPages; start = end) {
            end = runEnd(start, normalPages, Page.SIZE_BYTES + 1);
            long from = (keys[start] & INDEX_MASK) * Page.SIZE_BYTES;
            lane.pages(block, keys[start] & ~INDEX_MASK, contents.asSlice(from, bytes(start, end)));
        }
        sort(packet.offsetsBytes(), normalPages, pages);
        for (int start = normalPages, end; start < pages; start = end) {
            end = runEnd(start, pages, Page.SIZE_BYTES);
            lane.zeroPages(block, keys[start] & ~INDEX_MASK, bytes(start, end));
        }
    }

    private void sort(long[] offsets, int from, int to) {
        boolean sorted = true;
        for (int i = from; i < to; i++) {
            keys[i] = offsets[i] | i;
            sorted &= i == from || keys[i] > keys[i - 1];
        }
        if (!sorted) {
            Arrays.sort(keys, from, to);
        }
    }

    /** Where the run ends that begins at {@code start}: up to there each key, cut to the step's grain, is a step on. */
    private int runEnd(int start, int limit, long step) {
        long grain = step == Page.SIZE_BYTES ? ~INDEX_MASK : -1L;
        int end = start + 1;
        while (end < limit && (keys[end] & grain) == (keys[end - 1] & grain) + step) {
            end++;
        }
        return end;
    }

    private static long bytes(int start, int end) {
        return (long) (end - start) * Page.SIZE_BYTES;
    }
}
