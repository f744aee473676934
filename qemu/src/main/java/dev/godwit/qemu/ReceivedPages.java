package dev.godwit.qemu;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Hands pages on to another sink and notes which ones came. A source sends each page at least once, zero pages too, so
 * what never came was sent elsewhere (over multifd channels that nobody knew of) or left out by the guest's leave
 * (memory that virtio-mem has unplugged, pages that a balloon has hinted as free).
 *
 * <p>Lanes may be used at the same time, by one thread each. Memory: 32 KiB for each GiB of which any page came.
 */
public final class ReceivedPages implements RamSink {

    private static final int CHUNK_PAGES = 1 << 18;

    private final RamSink sink;
    private volatile List<Block> blocks = List.of();

    /** A note-taker before a sink. */
    public ReceivedPages(RamSink sink) {
        this.sink = sink;
    }

    /** The pages of one block; parts of it that nothing came for have no bitmap. */
    private static final class Block {
        private final RamBlock block;
        private final AtomicReferenceArray<@Nullable PageBitmap> chunks;

        Block(RamBlock block) {
            this.block = block;
            this.chunks = new AtomicReferenceArray<>((int) ((block.pages() + CHUNK_PAGES - 1) / CHUNK_PAGES));
        }

        void came(long page) {
            chunk((int) (page / CHUNK_PAGES)).set(page % CHUNK_PAGES);
        }

        void forget(long page) {
            PageBitmap chunk = chunks.get((int) (page / CHUNK_PAGES));
            if (chunk != null) {
                chunk.clear(page % CHUNK_PAGES);
            }
        }

        private PageBitmap chunk(int index) {
            PageBitmap chunk = chunks.get(index);
            while (chunk == null) {
                chunks.compareAndSet(index, null, new PageBitmap(CHUNK_PAGES));
                chunk = chunks.get(index);
            }
            return chunk;
        }

        long receivedPages() {
            long pages = 0;
            for (int index = 0; index < chunks.length(); index++) {
                PageBitmap chunk = chunks.get(index);
                pages += chunk == null ? 0 : chunk.setPages();
            }
            return pages;
        }
    }

    @Override
    public void begin(RamLayout layout) throws IOException {
        sink.begin(layout);
        List<Block> begun = new ArrayList<>();
        for (RamBlock block : layout.blocks()) {
            begun.add(new Block(block));
        }
        blocks = begun;
    }

    @Override
    public PageLane lane() {
        return new Lane(sink.lane(), blocks);
    }

    /** Takes pages that came back: they will come again. */
    void forget(int blockIndex, long firstPage, long pages) {
        Block block = blocks.get(blockIndex);
        for (long page = firstPage; page < firstPage + pages; page++) {
            block.forget(page);
        }
    }

    /** {@return how many pages of the machine never came} Exact when all lanes are done. */
    public long neverSentPages() {
        long pages = 0;
        for (Block block : blocks) {
            pages += block.block.pages() - block.receivedPages();
        }
        return pages;
    }

    private record Lane(PageLane lane, List<Block> blocks) implements PageLane {

        @Override
        public void pages(int blockIndex, long offsetBytes, MemorySegment content) throws IOException {
            lane.pages(blockIndex, offsetBytes, content);
            note(blockIndex, offsetBytes, content.byteSize());
        }

        @Override
        public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
            lane.zeroPages(blockIndex, offsetBytes, lengthBytes);
            note(blockIndex, offsetBytes, lengthBytes);
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
            lane.read(blockIndex, offsetBytes, target);
        }

        @Override
        public Optional<Places> places() {
            return lane.places().map(places -> new NotedPlaces(places, this));
        }

        @Override
        public void pause() throws IOException {
            lane.pause();
        }

        @Override
        public void flush() throws IOException {
            lane.flush();
        }

        private void note(int blockIndex, long offsetBytes, long lengthBytes) {
            Block block = blocks.get(blockIndex);
            long end = (offsetBytes + lengthBytes) / Page.SIZE_BYTES;
            for (long page = offsetBytes / Page.SIZE_BYTES; page < end; page++) {
                block.came(page);
            }
        }
    }

    /** A page counts as received when it is about to be read: where that fails, all that came is thrown away. */
    private record NotedPlaces(PageLane.Places places, Lane lane) implements PageLane.Places {

        @Override
        public ByteBuffer open(int index, int blockIndex, long offsetBytes, int lengthBytes) {
            lane.note(blockIndex, offsetBytes, lengthBytes);
            return places.open(index, blockIndex, offsetBytes, lengthBytes);
        }

        @Override
        public long bytesInOneView(long offsetBytes, long lengthBytes) {
            return places.bytesInOneView(offsetBytes, lengthBytes);
        }
    }
}
