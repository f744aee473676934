package dev.godwit.snapshot;

import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.linux.OpenFile;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Pages in the order in which a guest wants them lie all over the file. Read one by one each costs the disk's latency;
 * asked for together, neighbours come in one request and the requests come side by side.
 */
final class ReadAhead {

    /** So many pages are put into the file's order at a time: the first ones do not wait for all. */
    static final int BATCH_PAGES = 512;

    private final OpenFile file;
    private final Optional<Trailer> trailer;
    private final PlacedPages pages;

    ReadAhead(SnapshotFile file, Optional<Trailer> trailer, PlacedPages pages) {
        this.file = file.file();
        this.trailer = trailer;
        this.pages = pages;
    }

    /**
     * A piece of the file.
     *
     * @param lengthBytes more than nothing
     */
    record Range(long positionBytes, long lengthBytes) {}

    /** Begins with the checksums, without which no page is used, then the pages. */
    void begin(List<PagePlace> wanted) throws IOException {
        for (Range range : ranges(wanted)) {
            file.readAhead(range.positionBytes(), range.lengthBytes());
        }
    }

    /** {@return what is read for these pages, in this order} */
    List<Range> ranges(List<PagePlace> wanted) {
        List<Range> ranges = new ArrayList<>();
        trailer.ifPresent(there -> there.hashes().blocks().stream()
                .filter(hashes -> hashes.chunkIndexes().length > 0)
                .map(hashes -> new Range(
                        hashes.firstChunkBytes(), (long) hashes.chunkIndexes().length * PageHashes.CHUNK_BYTES))
                .forEach(ranges::add));
        for (int first = 0; first < wanted.size(); first += BATCH_PAGES) {
            addBatch(wanted.subList(first, Math.min(first + BATCH_PAGES, wanted.size())), ranges);
        }
        return ranges;
    }

    private void addBatch(List<PagePlace> batch, List<Range> ranges) {
        long[] positions = batch.stream()
                .filter(place -> pages.present(place.blockIndex()).get(place.page()))
                .mapToLong(pages::positionBytes)
                .sorted()
                .toArray();
        for (int i = 0; i < positions.length; ) {
            long start = positions[i];
            long end = start + Page.SIZE_BYTES;
            for (i++; i < positions.length && positions[i] - end <= PresentPages.LONGEST_GAP_BYTES; i++) {
                end = positions[i] + Page.SIZE_BYTES;
            }
            ranges.add(new Range(start, end - start));
        }
    }
}
