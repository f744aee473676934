package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Gathers consecutive pages into a run, hashes each while it is in the cache, and writes the run at once. Pages that
 * hold only zeros are not written, but for short gaps within a run: a write for each side of them would take a disk and
 * the page cache longer than the zeros do. A gap is filled only where this lane was told since its last flush that its
 * pages are zero, for then no other lane has content for them. Owned by one thread.
 */
final class SnapshotLane implements PageLane {

    private static final int RUN_BYTES = 1 << 20;
    /** From here on a stretch of pages is written from where it lies, without a copy. */
    private static final int IN_PLACE_BYTES = 64 << 10;

    /** Filled gaps take at most as much of the disk as this lane's pages do, and so much more. */
    private static final int FILL_AHEAD_BYTES = 16 * Page.SIZE_BYTES;

    private final PageStore store;
    private final PageFile file;
    /** Freed with the lane: its thread may still be in a write when the snapshot is given up. */
    private final MemorySegment run = Arena.ofAuto().allocate(RUN_BYTES, Page.SIZE_BYTES);

    private final ByteBuffer runBytes = run.asByteBuffer();
    private final CRC32C crc = new CRC32C();
    private int runBlock = -1;
    private long runOffsetBytes;
    private int runLengthBytes;
    private int filledBytes;
    private long allContentBytes;
    private long allFilledBytes;
    private final RecentZeros zeros = new RecentZeros();

    SnapshotLane(PageStore store, PageFile file) {
        this.store = store;
        this.file = file;
    }

    @Override
    public void pages(int blockIndex, long offsetBytes, MemorySegment content) throws IOException {
        long lengthBytes = content.byteSize();
        for (long at = 0; at < lengthBytes; ) {
            if (ZeroPages.isZero(content, at)) {
                zeroPages(blockIndex, offsetBytes + at, Page.SIZE_BYTES);
                at += Page.SIZE_BYTES;
                continue;
            }
            long end = at + Page.SIZE_BYTES;
            while (end < lengthBytes && end - at < RUN_BYTES && !ZeroPages.isZero(content, end)) {
                end += Page.SIZE_BYTES;
            }
            stretch(blockIndex, offsetBytes + at, content.asSlice(at, end - at));
            at = end;
        }
    }

    private void stretch(int blockIndex, long offsetBytes, MemorySegment content) throws IOException {
        if (content.isNative() && content.byteSize() >= IN_PLACE_BYTES) {
            writeRun();
            zeros.remove(blockIndex, offsetBytes, content.byteSize());
            noteAll(blockIndex, offsetBytes, content.asByteBuffer());
            store.write(file, blockIndex, offsetBytes, content, 0);
            return;
        }
        for (long at = 0; at < content.byteSize(); at += Page.SIZE_BYTES) {
            append(blockIndex, offsetBytes + at, content, at);
        }
    }

    private void append(int blockIndex, long offsetBytes, MemorySegment content, long at) throws IOException {
        if (!fillUpTo(blockIndex, offsetBytes)) {
            writeRun();
            runBlock = blockIndex;
            runOffsetBytes = offsetBytes;
        }
        zeros.remove(blockIndex, offsetBytes, Page.SIZE_BYTES);
        MemorySegment.copy(content, at, run, runLengthBytes, Page.SIZE_BYTES);
        note(blockIndex, offsetBytes, runBytes, runLengthBytes);
        runLengthBytes += Page.SIZE_BYTES;
    }

    /** {@return whether a page goes on with the run} Zeros between the two are in it then. */
    private boolean fillUpTo(int blockIndex, long offsetBytes) {
        if (blockIndex != runBlock || runLengthBytes == 0) {
            return false;
        }
        long endBytes = runOffsetBytes + runLengthBytes;
        long gapBytes = offsetBytes - endBytes;
        if (gapBytes < 0 || gapBytes > PresentPages.LONGEST_GAP_BYTES || runLengthBytes + gapBytes >= RUN_BYTES) {
            return false;
        }
        if (gapBytes > 0) {
            if (allFilledBytes + gapBytes > allContentBytes + FILL_AHEAD_BYTES
                    || !zeros.contains(blockIndex, endBytes, gapBytes)) {
                return false;
            }
            run.asSlice(runLengthBytes, gapBytes).fill((byte) 0);
            runLengthBytes += (int) gapBytes;
            filledBytes += (int) gapBytes;
            allFilledBytes += gapBytes;
        }
        return true;
    }

    private void noteAll(int blockIndex, long offsetBytes, ByteBuffer content) {
        for (int at = 0; at < content.capacity(); at += Page.SIZE_BYTES) {
            note(blockIndex, offsetBytes + at, content, at);
        }
    }

    private void note(int blockIndex, long offsetBytes, ByteBuffer bytes, int at) {
        crc.reset();
        crc.update(bytes.limit(at + Page.SIZE_BYTES).position(at));
        store.note(blockIndex, offsetBytes / Page.SIZE_BYTES, (int) crc.getValue());
        allContentBytes += Page.SIZE_BYTES;
    }

    @Override
    public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
        if (blockIndex == runBlock
                && offsetBytes < runOffsetBytes + runLengthBytes
                && offsetBytes + lengthBytes > runOffsetBytes) {
            writeRun();
        }
        store.clear(blockIndex, offsetBytes, lengthBytes);
        if (lengthBytes <= PresentPages.LONGEST_GAP_BYTES) {
            zeros.add(blockIndex, offsetBytes, lengthBytes);
        }
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        if (blockIndex == runBlock && offsetBytes >= runOffsetBytes && offsetBytes < runOffsetBytes + runLengthBytes) {
            MemorySegment.copy(run, offsetBytes - runOffsetBytes, target, 0, target.byteSize());
            return;
        }
        store.read(blockIndex, offsetBytes, target);
    }

    @Override
    public void flush() throws IOException {
        writeRun();
        zeros.clear(); // from here on another lane may have content for them
    }

    private void writeRun() throws IOException {
        if (runLengthBytes > 0) {
            int lengthBytes = runLengthBytes;
            int filled = filledBytes;
            runLengthBytes = 0;
            filledBytes = 0;
            store.write(file, runBlock, runOffsetBytes, run.asSlice(0, lengthBytes), filled);
        }
    }
}
