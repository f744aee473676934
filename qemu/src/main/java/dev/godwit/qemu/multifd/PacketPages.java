package dev.godwit.qemu.multifd;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
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

    /**
     * Opens the memory of the pages that have content, a view for each run, in the packet's order: as they are read.
     *
     * @param targets gets the views
     * @return how many there are, at most as many as pages
     */
    static int open(MultifdPacket packet, PageLane.Places places, int block, ByteBuffer[] targets) {
        long[] offsets = packet.offsetsBytes();
        int count = 0;
        int start = 0;
        while (start < packet.normalPages()) {
            int end = start + 1;
            while (end < packet.normalPages() && offsets[end] == offsets[end - 1] + Page.SIZE_BYTES) {
                end++;
            }
            long runBytes = bytes(start, end);
            int viewBytes = (int) places.bytesInOneView(offsets[start], runBytes);
            targets[count] = places.open(count, block, offsets[start], viewBytes);
            count++;
            start += viewBytes / Page.SIZE_BYTES;
        }
        return count;
    }

    /** Hands the pages over that have content; {@code contents} are in the packet's order. */
    void contents(MultifdPacket packet, PageLane lane, int block, MemorySegment contents) throws IOException {
        int normalPages = packet.normalPages();
        sort(packet.offsetsBytes(), 0, normalPages);
        for (int start = 0, end; start < normalPages; start = end) {
            end = runEnd(start, normalPages, Page.SIZE_BYTES + 1);
            long from = (keys[start] & INDEX_MASK) * Page.SIZE_BYTES;
            lane.pages(block, keys[start] & ~INDEX_MASK, contents.asSlice(from, bytes(start, end)));
        }
    }

    /** Hands the zero pages over. */
    void zeros(MultifdPacket packet, PageLane lane, int block) throws IOException {
        int normalPages = packet.normalPages();
        int pages = packet.offsetsBytes().length;
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
