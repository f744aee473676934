package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** RAM whose pages have their places in a file; those that are not present read as zero. Thread-safe. */
final class PlacedPages implements RamSource {

    private final SnapshotFile file;
    private final MappedRamLayout places;
    private final RamLayout layout;
    private final List<PageBitmap> present;

    /**
     * RAM in a file, which is not closed here.
     *
     * @param present for each block, which of its pages count
     */
    PlacedPages(SnapshotFile file, MappedRamLayout places, List<PageBitmap> present) {
        this.file = file;
        this.places = places;
        this.layout = places.ram();
        this.present = List.copyOf(present);
    }

    /** {@return the same RAM, read by another descriptor of the file} */
    PlacedPages by(SnapshotFile other) {
        return new PlacedPages(other, places, present);
    }

    @Override
    public RamLayout layout() {
        return layout;
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return present.get(blockIndex);
    }

    /** {@return where a page lies in the file} */
    long positionBytes(PagePlace place) {
        return places.blocks().get(place.blockIndex()).header().pagesOffsetBytes() + place.page() * Page.SIZE_BYTES;
    }

    boolean isEmpty() {
        return present.stream().allMatch(bitmap -> bitmap.nextSet(0) < 0);
    }

    /**
     * Reads the pages of a stretch that are present, and leaves the memory of the others alone.
     *
     * @param first one that is present
     * @param target the memory of the stretch, which ends where {@link PresentPages#stretchEnd} says or before
     */
    void readPresent(PresentPages by, int blockIndex, long first, MemorySegment target) throws IOException {
        long base = places.blocks().get(blockIndex).header().pagesOffsetBytes();
        by.read(file, base + first * Page.SIZE_BYTES, present.get(blockIndex), first, target);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        PageBitmap bitmap = present.get(blockIndex);
        long base = places.blocks().get(blockIndex).header().pagesOffsetBytes();
        long first = offsetBytes / Page.SIZE_BYTES;
        long end = first + target.byteSize() / Page.SIZE_BYTES;
        for (long page = first; page < end; ) {
            boolean here = bitmap.get(page);
            long next = here ? PresentPages.stretchEnd(bitmap, page, end) : bitmap.nextSet(page);
            long stop = next < 0 ? end : Math.min(next, end);
            MemorySegment piece = target.asSlice((page - first) * Page.SIZE_BYTES, (stop - page) * Page.SIZE_BYTES);
            if (here) {
                file.readFully(
                        base + page * Page.SIZE_BYTES,
                        piece,
                        "pages of block " + layout.block(blockIndex).id());
                zeroGaps(bitmap, page, piece);
            } else {
                piece.fill((byte) 0);
            }
            page = stop;
        }
    }

    /** The file may have anything in the place of a page that is not present. */
    private static void zeroGaps(PageBitmap bitmap, long first, MemorySegment stretch) {
        long end = first + stretch.byteSize() / Page.SIZE_BYTES;
        for (long gap = bitmap.nextClear(first); gap >= 0 && gap < end; ) {
            long next = bitmap.nextSet(gap);
            long stop = next < 0 ? end : Math.min(next, end);
            stretch.asSlice((gap - first) * Page.SIZE_BYTES, (stop - gap) * Page.SIZE_BYTES)
                    .fill((byte) 0);
            gap = bitmap.nextClear(stop);
        }
    }
}
