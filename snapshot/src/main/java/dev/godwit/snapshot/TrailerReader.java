package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamTail;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads the trailer as far as it is whole, and says what is not; the byte table is at {@link Trailer}. One damaged
 * place in the footer does not hide the trailer: it is found by the other magic, or by its start.
 */
final class TrailerReader {

    private static final String SECTION = "trailer";

    private final SnapshotFile file;
    private final List<Damage> damages = new ArrayList<>();
    private final byte[] root = new byte[TrailerFormat.ROOT_BYTES];
    private @Nullable List<MappedRamBlock> blocks;
    private @Nullable List<FilePart> parts;
    private TrailerTables.@Nullable Facts facts;
    private @Nullable HashDirectory hashes;

    private TrailerReader(SnapshotFile file) {
        this.file = file;
    }

    /**
     * Looks for a trailer and reads it.
     *
     * @param searchFrom where to search for its start if its footer does not lead there
     * @throws StreamFormatException if the trailer is whole, and of a version or with a section that is not known
     */
    static TrailerReading read(SnapshotFile file, OptionalLong searchFrom) throws IOException {
        return new TrailerReader(file).read(searchFrom);
    }

    private TrailerReading read(OptionalLong searchFrom) throws IOException {
        long footerAt = file.lengthBytes() - TrailerFormat.FOOTER_BYTES;
        long start = -1;
        boolean recognised = false;
        if (footerAt >= 0) {
            ByteBuffer footer = file.bytes(footerAt, TrailerFormat.FOOTER_BYTES, SECTION);
            recognised = footer.getLong(0) == TrailerFormat.MAGIC
                    || footer.getLong(TrailerFormat.FOOTER_BYTES - 8) == TrailerFormat.END_MAGIC;
            if (recognised) {
                start = footer(footer, footerAt);
            }
        }
        if (start < 0) {
            start = searchFrom.isPresent() ? search(searchFrom.getAsLong()) : -1;
            if (start < 0 && !recognised) {
                return TrailerReading.none(file.lengthBytes());
            }
            if (!recognised) {
                damages.add(new Damage.InTrailer("its footer is missing: the file was cut off", file.lengthBytes()));
            }
        }
        if (start < 0) {
            return new TrailerReading(true, file.lengthBytes(), file.lengthBytes(), Optional.empty(), damages);
        }
        long end = recognised ? footerAt : file.lengthBytes();
        start(start);
        walk(start + TrailerFormat.START_BYTES, end);
        return new TrailerReading(true, start, end, trailer(start), damages);
    }

    private long footer(ByteBuffer footer, long footerAt) throws StreamFormatException {
        boolean whole = footer.getInt(68) == crc32c(footer, 0, 68)
                && footer.getLong(0) == TrailerFormat.MAGIC
                && footer.getLong(TrailerFormat.FOOTER_BYTES - 8) == TrailerFormat.END_MAGIC;
        if (!whole) {
            damages.add(new Damage.InTrailer("footer", footerAt));
            return -1;
        }
        version(footer.getInt(8), footerAt + 8);
        long start = footer.getLong(16);
        if (footer.getInt(12) != TrailerFormat.FOOTER_BYTES
                || start < 0
                || start > footerAt - TrailerFormat.START_BYTES
                || footer.getLong(24) != footerAt - start) {
            throw new StreamFormatException(
                    footerAt + 16, SECTION, "a trailer that ends at its footer", "one at byte " + start);
        }
        footer.get(32, root);
        return start;
    }

    private static void version(int version, long positionBytes) throws StreamFormatException {
        if (version != TrailerFormat.VERSION) {
            throw new StreamFormatException(
                    positionBytes,
                    SECTION,
                    "snapshot format version " + TrailerFormat.VERSION + " (a newer Godwit may read it)",
                    "version " + Integer.toUnsignedString(version));
        }
    }

    /** Searches for the start of a trailer behind the pages. */
    private long search(long from) throws IOException {
        long length = Math.min(file.lengthBytes() - from, MappedRamTail.MAX_LENGTH_BYTES);
        if (length < TrailerFormat.START_BYTES) {
            return -1;
        }
        ByteBuffer bytes = file.bytes(from, (int) length, SECTION);
        for (int at = 0; at <= length - TrailerFormat.START_BYTES; at++) {
            if (bytes.get(at) == (byte) (TrailerFormat.MAGIC >>> 56)
                    && bytes.getLong(at) == TrailerFormat.MAGIC
                    && bytes.getInt(at + 12) == crc32c(bytes, at, 12)) {
                return from + at;
            }
        }
        return -1;
    }

    private void start(long start) throws IOException {
        ByteBuffer bytes = file.bytes(start, TrailerFormat.START_BYTES, SECTION);
        if (bytes.getLong(0) != TrailerFormat.MAGIC || bytes.getInt(12) != crc32c(bytes, 0, 12)) {
            damages.add(new Damage.InTrailer("start", start));
        } else {
            version(bytes.getInt(8), start + 8);
        }
    }

    private void walk(long from, long end) throws IOException {
        long at = from;
        while (at < end) {
            if (end - at < TrailerFormat.HEADER_BYTES) {
                damages.add(new Damage.InTrailer("a section's header is cut off", at));
                return;
            }
            ByteBuffer header = file.bytes(at, TrailerFormat.HEADER_BYTES, SECTION);
            long payload = at + TrailerFormat.HEADER_BYTES;
            long length = header.getLong(8);
            if (header.getInt(20) != crc32c(header, 0, 20)) {
                damages.add(new Damage.InTrailer("a section's header", at));
                return;
            }
            if (length < 0 || length > end - payload) {
                damages.add(new Damage.InTrailer(TrailerFormat.name(header.getInt(0)) + " is cut off", payload));
                length = end - payload;
                if (header.getInt(0) != TrailerFormat.HASH_CHUNKS) {
                    return;
                }
            }
            section(header, payload, length);
            at = payload + length;
        }
    }

    private void section(ByteBuffer header, long positionBytes, long lengthBytes) throws IOException {
        int type = header.getInt(0);
        int flags = header.getInt(4);
        if (type < TrailerFormat.BLOCKS || type > TrailerFormat.HASH_CHUNKS) {
            if ((flags & TrailerFormat.MANDATORY) != 0) {
                throw new StreamFormatException(
                        positionBytes - TrailerFormat.HEADER_BYTES,
                        SECTION,
                        "sections that this version knows, or may leave out",
                        TrailerFormat.name(type) + ", which is mandatory");
            }
            return;
        }
        if (type == TrailerFormat.HASH_CHUNKS) {
            chunks(positionBytes, lengthBytes);
            return;
        }
        if (lengthBytes > TrailerFormat.MAX_TABLE_BYTES) {
            throw new StreamFormatException(
                    positionBytes,
                    SECTION,
                    TrailerFormat.name(type) + " of at most " + TrailerFormat.MAX_TABLE_BYTES + " bytes",
                    lengthBytes + " bytes");
        }
        ByteBuffer payload = file.bytes(positionBytes, (int) lengthBytes, SECTION);
        if (header.getInt(16) != crc32c(payload, 0, (int) lengthBytes)) {
            damages.add(new Damage.InTrailer(TrailerFormat.name(type), positionBytes));
            return;
        }
        try {
            table(type, payload, positionBytes);
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw new StreamFormatException(
                    positionBytes, SECTION, "a sound " + TrailerFormat.name(type), String.valueOf(e.getMessage()));
        }
    }

    private void table(int type, ByteBuffer payload, long positionBytes) throws IOException {
        TrailerTables tables = new TrailerTables(file.lengthBytes(), positionBytes);
        switch (type) {
            case TrailerFormat.BLOCKS -> blocks = tables.blocks(payload);
            case TrailerFormat.PARTS -> parts = tables.parts(payload);
            case TrailerFormat.FACTS -> facts = tables.facts(payload);
            case TrailerFormat.HASH_DIRECTORY -> {
                if (blocks != null) {
                    hashes = tables.directory(payload, blocks);
                }
            }
            default -> throw new AssertionError(type);
        }
    }

    /** Tells the directory where its chunks stand. */
    private void chunks(long positionBytes, long lengthBytes) throws StreamFormatException {
        if (hashes == null) {
            return;
        }
        List<HashDirectory.BlockHashes> placed = new ArrayList<>();
        long at = positionBytes;
        for (HashDirectory.BlockHashes block : hashes.blocks()) {
            placed.add(new HashDirectory.BlockHashes(block.chunkIndexes(), block.chunkCrcs(), at));
            at += (long) block.chunkIndexes().length * PageHashes.CHUNK_BYTES;
        }
        if (at != positionBytes + lengthBytes && damages.isEmpty()) {
            throw new StreamFormatException(
                    positionBytes,
                    SECTION,
                    "hash chunks of " + (at - positionBytes) + " bytes",
                    lengthBytes + " bytes");
        }
        hashes = new HashDirectory(placed);
    }

    private Optional<Trailer> trailer(long start) throws StreamFormatException {
        if (blocks == null || parts == null || hashes == null) {
            if (damages.isEmpty()) {
                throw new StreamFormatException(
                        start, SECTION, "block table, table of parts and hashes", "not all of them");
            }
            return Optional.empty();
        }
        TrailerTables.Facts known = facts;
        if (known == null) {
            if (damages.isEmpty()) {
                throw new StreamFormatException(start, SECTION, "creation facts", "none");
            }
            known = TrailerTables.Facts.UNKNOWN;
        }
        return Optional.of(new Trailer(blocks, parts, known.machineType(), known.facts(), hashes, start, root));
    }

    private static int crc32c(ByteBuffer bytes, int from, int lengthBytes) {
        byte[] copy = new byte[lengthBytes];
        bytes.get(from, copy);
        return TrailerWriter.crc32c(copy, copy.length);
    }

    /** {@return whether the root is that of parts and trailer} */
    static boolean rootIsRight(SnapshotFile file, Trailer trailer, long endBytes) throws IOException {
        long length = endBytes - trailer.positionBytes();
        return Arrays.equals(
                trailer.root(), TrailerWriter.root(file, trailer.parts(), trailer.positionBytes(), length));
    }
}
