package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.LongAdder;

/**
 * The pages of a guest for several readers that want much the same of them at much the same time: what one of them has
 * read, and found right, the next takes from memory. Thread-safe; readers wait for each other only where they want the
 * same 64 KiB at once.
 */
public final class SharedPages implements RamSource {

    private static final int LINE_BYTES = 64 << 10;

    /** So many places there are, by which at most 64 MiB are kept. A place holds what was read into it last. */
    private static final int PLACES = 1024;

    private final RamSource pages;
    private final Place[] places = new Place[PLACES];
    private final LongAdder readBytes = new LongAdder();
    private final LongAdder sharedBytes = new LongAdder();

    /** A line of RAM; its monitor guards it. */
    private static final class Place {
        private final MemorySegment bytes = Arena.ofAuto().allocate(LINE_BYTES, Page.SIZE_BYTES);
        private int block = -1;
        private long line;
    }

    /** Shares the pages of a source, which is not closed here. */
    public SharedPages(RamSource pages) {
        this.pages = pages;
    }

    @Override
    public RamLayout layout() {
        return pages.layout();
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return pages.present(blockIndex);
    }

    /** {@return how much was read from the file} */
    public long readBytes() {
        return readBytes.sum();
    }

    /** {@return how much was taken from what another had read} */
    public long sharedBytes() {
        return sharedBytes.sum();
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        for (long done = 0; done < target.byteSize(); ) {
            long line = (offsetBytes + done) / LINE_BYTES;
            long inLine = offsetBytes + done - line * LINE_BYTES;
            long bytes = Math.min(LINE_BYTES - inLine, target.byteSize() - done);
            readInLine(blockIndex, line, inLine, target.asSlice(done, bytes));
            done += bytes;
        }
    }

    private void readInLine(int block, long line, long inLine, MemorySegment target) throws IOException {
        long start = line * LINE_BYTES;
        long lineBytes = Math.min(LINE_BYTES, layout().block(block).lengthBytes() - start);
        Place place = place(block, line);
        synchronized (place) {
            if (place.block == block && place.line == line) {
                sharedBytes.add(target.byteSize());
            } else if (!fill(place, block, line, lineBytes)) {
                // Another page of the line may be the one that is damaged.
                pages.read(block, start + inLine, target);
                readBytes.add(target.byteSize());
                return;
            }
            target.copyFrom(place.bytes.asSlice(inLine, target.byteSize()));
        }
    }

    private boolean fill(Place place, int block, long line, long lineBytes) {
        place.block = -1;
        try {
            pages.read(block, line * LINE_BYTES, place.bytes.asSlice(0, lineBytes));
        } catch (IOException _) {
            return false;
        }
        readBytes.add(lineBytes);
        place.block = block;
        place.line = line;
        return true;
    }

    private Place place(int block, long line) {
        int index = (int) ((line + block * 31L) % PLACES);
        synchronized (places) {
            Place place = places[index];
            if (place == null) {
                place = new Place();
                places[index] = place;
            }
            return place;
        }
    }
}
