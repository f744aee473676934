package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The RAM of a mapped-ram file whose bitmaps are all clear although its pages are there, as QEMU's background-snapshot
 * leaves it (qemu-migration specification section 5.4). Every place that is no hole counts as present.
 */
public final class UnmarkedRam implements RamSource, Closeable {

    private final OpenFile file;
    private final PlacedPages pages;

    private UnmarkedRam(OpenFile file, Snapshot snapshot) throws IOException {
        this.file = file;
        List<PageBitmap> present = new ArrayList<>();
        for (MappedRamBlock block : snapshot.head().layout().blocks()) {
            present.add(dataPages(file, block));
        }
        this.pages = new PlacedPages(
                new SnapshotFile(file, snapshot.lengthBytes()), snapshot.head().layout(), present);
    }

    /** {@return whether no page is marked as present, and yet places of pages hold data} */
    public static boolean isCase(Snapshot snapshot) throws IOException {
        if (snapshot.kind() != Snapshot.Kind.MAPPED_RAM || !snapshot.pages().isEmpty()) {
            return false;
        }
        try (UnmarkedRam ram = open(snapshot)) {
            return !ram.pages.isEmpty();
        }
    }

    /**
     * Opens the file of a snapshot once more.
     *
     * @param snapshot a mapped-ram file
     * @throws IOException if it cannot be read
     */
    public static UnmarkedRam open(Snapshot snapshot) throws IOException {
        OpenFile file = OpenFile.open(snapshot.path());
        try {
            return new UnmarkedRam(file, snapshot);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static PageBitmap dataPages(OpenFile file, MappedRamBlock block) throws IOException {
        PageBitmap bitmap = new PageBitmap(block.block().pages());
        long start = block.header().pagesOffsetBytes();
        long end = block.pagesEndBytes();
        for (long data = file.nextData(start); data >= 0 && data < end; ) {
            long hole = Math.min(file.nextHole(data), end);
            long lastPage = Math.ceilDiv(hole - start, Page.SIZE_BYTES);
            for (long page = (data - start) / Page.SIZE_BYTES; page < lastPage; page++) {
                bitmap.set(page);
            }
            data = hole < end ? file.nextData(hole) : -1;
        }
        return bitmap;
    }

    @Override
    public RamLayout layout() {
        return pages.layout();
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return pages.present(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        pages.read(blockIndex, offsetBytes, target);
    }

    @Override
    public void close() {
        file.close();
    }
}
