package dev.godwit.snapshot.export;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.OpenFile;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.snapshot.Snapshot;
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
    private final RamLayout layout;
    private final long[] pagesAtBytes;
    private final List<PageBitmap> present = new ArrayList<>();

    private UnmarkedRam(OpenFile file, Snapshot snapshot) throws IOException {
        this.file = file;
        this.layout = snapshot.layout();
        this.pagesAtBytes = snapshot.head().layout().blocks().stream()
                .mapToLong(block -> block.header().pagesOffsetBytes())
                .toArray();
        for (int block = 0; block < pagesAtBytes.length; block++) {
            present.add(dataPages(block));
        }
    }

    /** {@return whether no page is marked as present, and yet places of pages hold data} */
    public static boolean isCase(Snapshot snapshot) throws IOException {
        if (snapshot.kind() != Snapshot.Kind.MAPPED_RAM) {
            return false;
        }
        for (int block = 0; block < snapshot.layout().blocks().size(); block++) {
            if (snapshot.present(block).setPages() > 0) {
                return false;
            }
        }
        try (UnmarkedRam ram = open(snapshot)) {
            return ram.present.stream().anyMatch(bitmap -> bitmap.setPages() > 0);
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

    private PageBitmap dataPages(int blockIndex) throws IOException {
        RamBlock block = layout.block(blockIndex);
        PageBitmap bitmap = new PageBitmap(block.pages());
        long start = pagesAtBytes[blockIndex];
        long end = start + block.lengthBytes();
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
        return layout;
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return present.get(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        long at = pagesAtBytes[blockIndex] + offsetBytes;
        long length = file.read(at, target);
        if (length < target.byteSize()) {
            throw new StreamFormatException(
                    at + length,
                    "pages of block " + layout.block(blockIndex).id(),
                    target.byteSize() + " bytes",
                    "the end of the file");
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
