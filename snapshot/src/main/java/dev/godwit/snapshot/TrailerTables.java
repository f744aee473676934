package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHeader;
import dev.godwit.qemu.mappedram.MappedRamReader;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the payloads of the trailer's sections; the byte tables are at {@link Trailer}. Every place lies inside the
 * file. A payload that is too short is a {@link java.nio.BufferUnderflowException}, which the caller turns into an
 * error.
 */
final class TrailerTables {

    private static final String SECTION = "trailer";

    private final long fileLengthBytes;
    private final long positionBytes;

    TrailerTables(long fileLengthBytes, long positionBytes) {
        this.fileLengthBytes = fileLengthBytes;
        this.positionBytes = positionBytes;
    }

    /** Machine type and creation facts. */
    record Facts(String machineType, CreationFacts facts) {
        static final Facts UNKNOWN = new Facts("", new CreationFacts(Instant.EPOCH, "", "", "", ""));
    }

    List<MappedRamBlock> blocks(ByteBuffer payload) throws IOException {
        int count = count(payload, 1 + 32, "blocks");
        List<MappedRamBlock> blocks = new ArrayList<>();
        long totalBytes = 0;
        for (int i = 0; i < count; i++) {
            RamBlock block = new RamBlock(text(payload, payload.get() & 0xff), payload.getLong());
            MappedRamBlock placed = new MappedRamBlock(
                    block, payload.getLong(), new MappedRamHeader(payload.getLong(), payload.getLong()));
            inside(placed.entryOffsetBytes(), placed.entryLengthBytes(), block.id());
            inside(placed.header().bitmapOffsetBytes(), placed.bitmapLengthBytes(), block.id());
            inside(placed.header().pagesOffsetBytes(), block.lengthBytes(), block.id());
            totalBytes += block.lengthBytes();
            MappedRamReader.checkTotal(totalBytes);
            blocks.add(placed);
        }
        return blocks;
    }

    List<FilePart> parts(ByteBuffer payload) throws StreamFormatException {
        int count = count(payload, 27, "parts");
        List<FilePart> parts = new ArrayList<>();
        long end = 0;
        for (int i = 0; i < count; i++) {
            int number = payload.get() & 0xff;
            FilePart.Kind kind = PartKinds.ofNumber(number).orElseThrow(() -> unsound("a known kind of part", number));
            int block = payload.getInt();
            FilePart part = new FilePart(
                    kind,
                    block,
                    text(payload, payload.getShort() & 0xffff),
                    payload.getLong(),
                    payload.getLong(),
                    payload.getInt());
            inside(part.positionBytes(), part.lengthBytes(), part.name());
            if (part.positionBytes() < end) {
                throw unsound("parts in file order", part.name() + " before byte " + end);
            }
            end = part.endBytes();
            parts.add(part);
        }
        return parts;
    }

    Facts facts(ByteBuffer payload) throws StreamFormatException {
        String machineType = text(payload, payload.getShort() & 0xffff);
        long createdAtMs = payload.getLong();
        if (createdAtMs < 0 || createdAtMs > 253_402_300_799_999L) {
            throw unsound("a time of creation before the year 10000", createdAtMs);
        }
        return new Facts(
                machineType,
                new CreationFacts(
                        Instant.ofEpochMilli(createdAtMs),
                        text(payload, payload.getShort() & 0xffff),
                        text(payload, payload.getShort() & 0xffff),
                        text(payload, payload.getShort() & 0xffff),
                        text(payload, payload.getShort() & 0xffff)));
    }

    HashDirectory directory(ByteBuffer payload, List<MappedRamBlock> blocks) throws StreamFormatException {
        List<HashDirectory.BlockHashes> all = new ArrayList<>();
        for (MappedRamBlock block : blocks) {
            int count = count(payload, 8, "hash chunks of " + block.block().id());
            int[] indexes = new int[count];
            int[] crcs = new int[count];
            int last = -1;
            for (int i = 0; i < count; i++) {
                indexes[i] = payload.getInt();
                crcs[i] = payload.getInt();
                if (indexes[i] <= last || indexes[i] >= PageHashes.chunksOf(block.block())) {
                    throw unsound("hash chunks of " + block.block().id() + " in order", indexes[i]);
                }
                last = indexes[i];
            }
            all.add(new HashDirectory.BlockHashes(indexes, crcs, 0));
        }
        return new HashDirectory(all);
    }

    private int count(ByteBuffer payload, int entryBytes, String what) throws StreamFormatException {
        int count = payload.getInt();
        if (count < 0 || count > payload.remaining() / entryBytes) {
            throw unsound("as many " + what + " as fit", Integer.toUnsignedString(count));
        }
        return count;
    }

    private static String text(ByteBuffer payload, int lengthBytes) {
        byte[] utf8 = new byte[lengthBytes];
        payload.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private void inside(long position, long lengthBytes, String name) throws StreamFormatException {
        if (position < 0 || lengthBytes < 0 || position > fileLengthBytes - lengthBytes) {
            throw unsound(name + " inside the file", lengthBytes + " bytes at byte " + position);
        }
    }

    private StreamFormatException unsound(String expected, Object found) {
        return new StreamFormatException(positionBytes, SECTION, expected, String.valueOf(found));
    }
}
