package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Holds every page against its checksum, and every place of a page that is not present against zero. Works through
 * chunks of 1024 pages that its threads take one after the other.
 */
final class PageCheck {

    private static final int READ_BYTES = 1 << 20;

    private final SnapshotFile file;
    private final Trailer trailer;
    private final List<PageBitmap> bitmaps;
    private final List<Boolean> bitmapIsRight;
    private final Findings findings;
    private final Progress progress;
    private final AtomicLong next = new AtomicLong();

    /**
     * A check.
     *
     * @param bitmaps as they stand in the file
     * @param bitmapIsRight for each block, whether its bitmap may be believed; otherwise the checksums say what is
     *     present
     */
    PageCheck(
            SnapshotFile file,
            Trailer trailer,
            List<PageBitmap> bitmaps,
            List<Boolean> bitmapIsRight,
            Findings findings,
            Progress progress) {
        this.file = file;
        this.trailer = trailer;
        this.bitmaps = bitmaps;
        this.bitmapIsRight = bitmapIsRight;
        this.findings = findings;
        this.progress = progress;
    }

    /** Works until no chunk is left, or the thread is interrupted. */
    void run() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(READ_BYTES, Page.SIZE_BYTES);
            Lap lap = new Lap(buffer);
            while (!Thread.currentThread().isInterrupted()) {
                long unit = next.getAndIncrement();
                int block = 0;
                while (block < trailer.blocks().size()) {
                    int chunks = PageHashes.chunksOf(trailer.blocks().get(block).block());
                    if (unit < chunks) {
                        break;
                    }
                    unit -= chunks;
                    block++;
                }
                if (block == trailer.blocks().size()) {
                    return;
                }
                lap.chunk(block, (int) unit);
            }
        }
    }

    /** The work of one thread. */
    private final class Lap {

        private final MemorySegment buffer;
        private final ByteBuffer bytes;
        private final CRC32C crc = new CRC32C();

        Lap(MemorySegment buffer) {
            this.buffer = buffer;
            this.bytes = buffer.asByteBuffer();
        }

        void chunk(int index, int chunk) throws IOException {
            MappedRamBlock block = trailer.blocks().get(index);
            long first = (long) chunk * PageHashes.CHUNK_PAGES;
            long end = Math.min(first + PageHashes.CHUNK_PAGES, block.block().pages());
            HashDirectory.BlockHashes hashes = trailer.hashes().blocks().get(index);
            int slot = hashes.slot(chunk);
            ByteBuffer table = slot < 0 ? ByteBuffer.allocate(PageHashes.CHUNK_BYTES) : table(hashes, slot);
            if (table == null) {
                findings.add(new Damage.InTrailer("hash chunk", hashes.positionBytes(slot)));
                findings.add(new Damage.UncheckedPages(
                        block.block().id(),
                        index,
                        first * Page.SIZE_BYTES,
                        end - first,
                        block.header().pagesOffsetBytes() + first * Page.SIZE_BYTES));
                return;
            }
            long page = first;
            while (page < end) {
                boolean present = present(index, page, table, first);
                long stop = page + 1;
                while (stop < end
                        && (stop - page) * Page.SIZE_BYTES < READ_BYTES
                        && present(index, stop, table, first) == present) {
                    stop++;
                }
                if (present) {
                    pages(index, block, page, stop, table, first);
                } else {
                    holes(index, block, page, stop);
                }
                page = stop;
            }
        }

        private boolean present(int index, long page, ByteBuffer table, long first) {
            return bitmapIsRight.get(index)
                    ? bitmaps.get(index).get(page)
                    : table.getInt((int) (page - first) * Integer.BYTES) != 0;
        }

        private @Nullable ByteBuffer table(HashDirectory.BlockHashes hashes, int slot) throws IOException {
            byte[] table = new byte[PageHashes.CHUNK_BYTES];
            long length = file.read(hashes.positionBytes(slot), MemorySegment.ofArray(table));
            boolean whole =
                    length == table.length && TrailerWriter.crc32c(table, table.length) == hashes.chunkCrcs()[slot];
            return whole ? ByteBuffer.wrap(table) : null;
        }

        private void pages(int index, MappedRamBlock block, long page, long stop, ByteBuffer table, long first)
                throws IOException {
            long position = block.header().pagesOffsetBytes() + page * Page.SIZE_BYTES;
            MemorySegment target = buffer.asSlice(0, (stop - page) * Page.SIZE_BYTES);
            long length = file.read(position, target);
            target.asSlice(length).fill((byte) 0);
            for (long at = page; at < stop; at++) {
                int offset = (int) (at - page) * Page.SIZE_BYTES;
                crc.reset();
                crc.update(bytes.limit(offset + Page.SIZE_BYTES).position(offset));
                if ((int) crc.getValue() != table.getInt((int) (at - first) * Integer.BYTES)) {
                    findings.add(new Damage.Page(block.block().id(), index, at * Page.SIZE_BYTES, position + offset));
                }
            }
            findings.checked(stop - page);
            progress.advance(target.byteSize());
        }

        private void holes(int index, MappedRamBlock block, long page, long stop) throws IOException {
            long base = block.header().pagesOffsetBytes();
            long end = base + stop * Page.SIZE_BYTES;
            long at = file.file().nextData(base + page * Page.SIZE_BYTES);
            while (at >= 0 && at < end) {
                long pageAt = base + (at - base) / Page.SIZE_BYTES * Page.SIZE_BYTES;
                MemorySegment target = buffer.asSlice(0, Page.SIZE_BYTES);
                file.readFully(pageAt, target, "place of a page that is not present");
                if (!ZeroPages.isZero(target, 0)) {
                    findings.add(new Damage.StalePage(block.block().id(), index, pageAt - base, pageAt));
                }
                at = pageAt + Page.SIZE_BYTES < end ? file.file().nextData(pageAt + Page.SIZE_BYTES) : -1;
            }
        }
    }
}
