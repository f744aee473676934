package dev.godwit.snapshot;

import dev.godwit.ram.RamBlock;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The CRC-32C of every page of a block as it is written: 4 bytes a page, held in chunks of {@link #CHUNK_PAGES} that
 * come into being with their first page. Several threads may set different pages at once.
 */
final class PageHashes {

    /** How many pages share a chunk. */
    static final int CHUNK_PAGES = 1024;

    static final int CHUNK_BYTES = CHUNK_PAGES * Integer.BYTES;

    private final AtomicReferenceArray<int[]> chunks;

    PageHashes(RamBlock block) {
        chunks = new AtomicReferenceArray<>(chunksOf(block));
    }

    static int chunksOf(RamBlock block) {
        return (int) ((block.pages() + CHUNK_PAGES - 1) / CHUNK_PAGES);
    }

    void set(long page, int crc32c) {
        int index = (int) (page / CHUNK_PAGES);
        int[] chunk = chunks.get(index);
        if (chunk == null) {
            int[] fresh = new int[CHUNK_PAGES];
            chunk = chunks.compareAndSet(index, null, fresh) ? fresh : chunks.get(index);
        }
        chunk[(int) (page % CHUNK_PAGES)] = crc32c;
    }

    int @Nullable [] chunk(int index) {
        return chunks.get(index);
    }

    int chunks() {
        return chunks.length();
    }
}
