package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.zip.CRC32C;

/**
 * RAM whose every page is held against its checksum as it is read, so that a damaged one is noticed before it is used
 * and without reading the others. Thread-safe.
 */
final class CheckedPages implements RamSource {

    private static final ByteBuffer NOTHING_KEPT = ByteBuffer.allocate(PageHashes.CHUNK_BYTES);

    private final PlacedPages pages;
    private final SnapshotFile file;
    private final Trailer trailer;
    private final List<AtomicReferenceArray<ByteBuffer>> tables = new ArrayList<>();

    private CheckedPages(PlacedPages pages, SnapshotFile file, Trailer trailer) {
        this.pages = pages;
        this.file = file;
        this.trailer = trailer;
        for (MappedRamBlock block : trailer.blocks()) {
            tables.add(new AtomicReferenceArray<>(PageHashes.chunksOf(block.block())));
        }
    }

    /**
     * {@return the pages of a file whose bitmaps, device state and other parts are what was written}
     *
     * @throws StreamFormatException if one of them is not
     */
    static CheckedPages of(PlacedPages pages, SnapshotFile file, Trailer trailer) throws IOException {
        for (FilePart part : trailer.parts()) {
            int found = file.crc32c(part.positionBytes(), part.lengthBytes(), part.name());
            if (found != part.crc32c()) {
                throw damaged(part.positionBytes(), part.name(), part.crc32c(), found);
            }
        }
        return new CheckedPages(pages, file, trailer);
    }

    private static StreamFormatException damaged(long positionBytes, String what, int expected, int found) {
        return new StreamFormatException(
                positionBytes, what, "the checksum 0x%08x".formatted(expected), "0x%08x".formatted(found));
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
        check(blockIndex, offsetBytes, target);
    }

    /** Holds pages that were read, those that are present, against their checksums. */
    void check(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        PageBitmap present = pages.present(blockIndex);
        ByteBuffer bytes = target.asByteBuffer();
        CRC32C crc = new CRC32C();
        long first = offsetBytes / Page.SIZE_BYTES;
        long end = first + target.byteSize() / Page.SIZE_BYTES;
        for (long page = present.nextSet(first); page >= 0 && page < end; page = present.nextSet(page + 1)) {
            int at = (int) (page - first) * Page.SIZE_BYTES;
            crc.reset();
            crc.update(bytes.limit(at + Page.SIZE_BYTES).position(at));
            int expected = table(blockIndex, (int) (page / PageHashes.CHUNK_PAGES))
                    .getInt((int) (page % PageHashes.CHUNK_PAGES) * Integer.BYTES);
            if ((int) crc.getValue() != expected) {
                MappedRamBlock block = trailer.blocks().get(blockIndex);
                throw damaged(
                        block.header().pagesOffsetBytes() + page * Page.SIZE_BYTES,
                        "page 0x%x of block %s"
                                .formatted(page * Page.SIZE_BYTES, block.block().id()),
                        expected,
                        (int) crc.getValue());
            }
        }
    }

    private ByteBuffer table(int blockIndex, int chunk) throws IOException {
        ByteBuffer known = tables.get(blockIndex).get(chunk);
        if (known != null) {
            return known;
        }
        HashDirectory.BlockHashes hashes = trailer.hashes().blocks().get(blockIndex);
        int slot = hashes.slot(chunk);
        ByteBuffer table = NOTHING_KEPT;
        if (slot >= 0) {
            byte[] kept = new byte[PageHashes.CHUNK_BYTES];
            file.readFully(hashes.positionBytes(slot), MemorySegment.ofArray(kept), "hash chunk");
            int found = TrailerWriter.crc32c(kept, kept.length);
            if (found != hashes.chunkCrcs()[slot]) {
                throw damaged(hashes.positionBytes(slot), "hash chunk", hashes.chunkCrcs()[slot], found);
            }
            table = ByteBuffer.wrap(kept);
        }
        tables.get(blockIndex).set(chunk, table);
        return table;
    }
}
