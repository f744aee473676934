package dev.godwit.snapshot;

import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.PageBitmap;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes the trailer of a snapshot whose other parts are written; the byte table is at {@link Trailer}. */
final class TrailerWriter {

    private final OpenFile file;
    private final List<FilePart> parts;
    private final long positionBytes;
    private long at;

    /**
     * A writer.
     *
     * @param positionBytes where QEMU's part of the file ends
     */
    TrailerWriter(OpenFile file, List<FilePart> parts, long positionBytes) {
        this.file = file;
        this.parts = parts;
        this.positionBytes = positionBytes;
        this.at = positionBytes;
    }

    /** {@return where the file ends now} */
    long write(
            List<MappedRamBlock> blocks,
            String machineType,
            CreationFacts facts,
            List<PageHashes> hashes,
            List<PageBitmap> present)
            throws IOException {
        ByteBuffer start = ByteBuffer.allocate(TrailerFormat.START_BYTES)
                .putLong(TrailerFormat.MAGIC)
                .putInt(TrailerFormat.VERSION);
        put(start.putInt(crc32c(start.array(), start.position())).array());
        section(TrailerFormat.BLOCKS, blockTable(blocks));
        section(TrailerFormat.PARTS, partTable());
        section(TrailerFormat.FACTS, factTable(machineType, facts));
        HashTables tables = HashTables.of(hashes, present);
        section(TrailerFormat.HASH_DIRECTORY, tables.directory());
        put(header(
                TrailerFormat.HASH_CHUNKS,
                TrailerFormat.MANDATORY | TrailerFormat.CHECKED_ELSEWHERE,
                tables.chunkCount() * PageHashes.CHUNK_BYTES,
                0));
        tables.forEachChunk(this::put);
        put(footer(at - positionBytes));
        return at;
    }

    private void section(int type, byte[] payload) throws IOException {
        put(header(type, TrailerFormat.MANDATORY, payload.length, crc32c(payload, payload.length)));
        put(payload);
    }

    private static byte[] header(int type, int flags, long lengthBytes, int payloadCrc) {
        ByteBuffer header = ByteBuffer.allocate(TrailerFormat.HEADER_BYTES)
                .putInt(type)
                .putInt(flags)
                .putLong(lengthBytes)
                .putInt(payloadCrc);
        return header.putInt(crc32c(header.array(), header.position())).array();
    }

    private byte[] footer(long lengthBytes) throws IOException {
        ByteBuffer footer = ByteBuffer.allocate(TrailerFormat.FOOTER_BYTES)
                .putLong(TrailerFormat.MAGIC)
                .putInt(TrailerFormat.VERSION)
                .putInt(TrailerFormat.FOOTER_BYTES)
                .putLong(positionBytes)
                .putLong(lengthBytes)
                .put(root(new SnapshotFile(file, at), parts, positionBytes, lengthBytes))
                .putInt(0);
        footer.putInt(crc32c(footer.array(), footer.position()));
        return footer.putLong(TrailerFormat.END_MAGIC).array();
    }

    /** {@return the root over parts and trailer} */
    static byte[] root(SnapshotFile file, List<FilePart> parts, long trailerBytes, long trailerLengthBytes)
            throws IOException {
        MessageDigest digest = Sha256.digest();
        for (FilePart part : parts) {
            file.digest(digest, part.positionBytes(), part.lengthBytes(), part.name());
        }
        file.digest(digest, trailerBytes, trailerLengthBytes, "trailer");
        return digest.digest();
    }

    private static byte[] blockTable(List<MappedRamBlock> blocks) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream output = new DataOutputStream(bytes);
        output.writeInt(blocks.size());
        for (MappedRamBlock block : blocks) {
            byte[] id = block.block().id().getBytes(StandardCharsets.UTF_8);
            output.writeByte(id.length);
            output.write(id);
            output.writeLong(block.block().lengthBytes());
            output.writeLong(block.entryOffsetBytes());
            output.writeLong(block.header().bitmapOffsetBytes());
            output.writeLong(block.header().pagesOffsetBytes());
        }
        return bytes.toByteArray();
    }

    private byte[] partTable() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream output = new DataOutputStream(bytes);
        output.writeInt(parts.size());
        for (FilePart part : parts) {
            output.writeByte(PartKinds.number(part.kind()));
            output.writeInt(part.blockIndex());
            text(output, part.name());
            output.writeLong(part.positionBytes());
            output.writeLong(part.lengthBytes());
            output.writeInt(part.crc32c());
        }
        return bytes.toByteArray();
    }

    private static byte[] factTable(String machineType, CreationFacts facts) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream output = new DataOutputStream(bytes);
        text(output, machineType);
        output.writeLong(facts.createdAt().toEpochMilli());
        text(output, facts.godwitVersion());
        text(output, facts.qemuVersion());
        text(output, facts.mode());
        text(output, facts.source());
        return bytes.toByteArray();
    }

    private static void text(DataOutputStream output, String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        output.writeShort(utf8.length);
        output.write(utf8);
    }

    private void put(byte[] bytes) throws IOException {
        file.write(at, MemorySegment.ofArray(bytes));
        at += bytes.length;
    }

    static int crc32c(byte[] bytes, int lengthBytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, lengthBytes);
        return (int) crc.getValue();
    }
}
