package dev.godwit.snapshot;

import dev.godwit.ram.PageBitmap;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The hashes of all blocks as they are written: a directory, and the chunks that have a present page. */
final class HashTables {

    private final List<PageHashes> hashes;
    private final List<PageBitmap> present;
    private final List<List<Integer>> kept = new ArrayList<>();
    private final byte[] directory;
    private long chunkCount;

    private HashTables(List<PageHashes> hashes, List<PageBitmap> present) throws IOException {
        this.hashes = hashes;
        this.present = present;
        this.directory = makeDirectory();
    }

    static HashTables of(List<PageHashes> hashes, List<PageBitmap> present) throws IOException {
        return new HashTables(hashes, present);
    }

    byte[] directory() {
        return directory;
    }

    long chunkCount() {
        return chunkCount;
    }

    interface ChunkConsumer {
        void accept(byte[] chunk) throws IOException;
    }

    void forEachChunk(ChunkConsumer consumer) throws IOException {
        for (int block = 0; block < hashes.size(); block++) {
            for (int index : kept.get(block)) {
                byte[] chunk = chunk(block, index);
                if (chunk != null) {
                    consumer.accept(chunk);
                }
            }
        }
    }

    private byte[] makeDirectory() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream output = new DataOutputStream(bytes);
        for (int block = 0; block < hashes.size(); block++) {
            ByteArrayOutputStream entries = new ByteArrayOutputStream();
            DataOutputStream entryOutput = new DataOutputStream(entries);
            List<Integer> indexes = new ArrayList<>();
            for (int index = 0; index < hashes.get(block).chunks(); index++) {
                byte[] chunk = chunk(block, index);
                if (chunk != null) {
                    indexes.add(index);
                    entryOutput.writeInt(index);
                    entryOutput.writeInt(TrailerWriter.crc32c(chunk, chunk.length));
                }
            }
            output.writeInt(indexes.size());
            entries.writeTo(output);
            kept.add(indexes);
            chunkCount += indexes.size();
        }
        return bytes.toByteArray();
    }

    /** A chunk as bytes, pages that are not present as 0; null where none is present. */
    private byte @Nullable [] chunk(int block, int index) {
        int[] values = hashes.get(block).chunk(index);
        if (values == null) {
            return null;
        }
        PageBitmap bitmap = present.get(block);
        ByteBuffer bytes = ByteBuffer.allocate(PageHashes.CHUNK_BYTES);
        long first = (long) index * PageHashes.CHUNK_PAGES;
        long end = Math.min(first + PageHashes.CHUNK_PAGES, bitmap.pages());
        boolean any = false;
        for (long page = bitmap.nextSet(first); page >= 0 && page < end; page = bitmap.nextSet(page + 1)) {
            bytes.putInt((int) (page - first) * Integer.BYTES, values[(int) (page - first)]);
            any = true;
        }
        return any ? bytes.array() : null;
    }
}
