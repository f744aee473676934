package dev.godwit.snapshot;

import java.util.Arrays;
import java.util.List;

/**
 * Where the hashes of a snapshot's pages stand. Hashes are kept in chunks of 1024 pages, 4 bytes each, by place; a
 * chunk without a present page is not kept.
 *
 * @param blocks one for each block
 */
record HashDirectory(List<BlockHashes> blocks) {

    HashDirectory {
        blocks = List.copyOf(blocks);
    }

    /**
     * The chunks of one block.
     *
     * @param chunkIndexes which chunks are kept, ascending
     * @param chunkCrcs the CRC-32C of each of them
     * @param firstChunkBytes where the first of them stands in the file; the others follow
     */
    @SuppressWarnings("ArrayRecordComponent") // tables, never compared
    record BlockHashes(int[] chunkIndexes, int[] chunkCrcs, long firstChunkBytes) {

        /** {@return where a chunk stands among those kept, or -1} */
        int slot(int chunkIndex) {
            int slot = Arrays.binarySearch(chunkIndexes, chunkIndex);
            return Math.max(slot, -1);
        }

        long positionBytes(int slot) {
            return firstChunkBytes + (long) slot * PageHashes.CHUNK_BYTES;
        }
    }
}
