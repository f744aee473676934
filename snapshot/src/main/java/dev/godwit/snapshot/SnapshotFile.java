package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.IoVectors;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.mappedram.PositionedInput;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.zip.CRC32C;

/** A file of which pieces are read whole, and over which checksums are taken. Thread-safe. */
final class SnapshotFile implements PositionedInput {

    private static final int PIECE_BYTES = 1 << 20;

    private final OpenFile file;
    private final long lengthBytes;

    SnapshotFile(OpenFile file, long lengthBytes) {
        this.file = file;
        this.lengthBytes = lengthBytes;
    }

    OpenFile file() {
        return file;
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    @Override
    public long read(long positionBytes, MemorySegment target) throws IOException {
        return positionBytes >= lengthBytes ? 0 : file.read(positionBytes, target);
    }

    /** Fills as much as the file has of pieces of memory. {@return how many bytes} */
    long read(long positionBytes, IoVectors targets) throws IOException {
        return positionBytes >= lengthBytes ? 0 : targets.readAll(file.descriptor(), positionBytes);
    }

    /** Fills the target, or says where the file ends too early. */
    void readFully(long positionBytes, MemorySegment target, String section) throws IOException {
        long done = read(positionBytes, target);
        if (done < target.byteSize()) {
            throw new StreamFormatException(
                    positionBytes + done, section, target.byteSize() - done + " more bytes", "the end of the file");
        }
    }

    /** {@return a piece of the file, big-endian} The length is bounded by the caller. */
    ByteBuffer bytes(long positionBytes, int lengthBytes, String section) throws IOException {
        byte[] bytes = new byte[lengthBytes];
        readFully(positionBytes, MemorySegment.ofArray(bytes), section);
        return ByteBuffer.wrap(bytes);
    }

    int crc32c(long positionBytes, long lengthBytes, String section) throws IOException {
        CRC32C crc = new CRC32C();
        forEachPiece(positionBytes, lengthBytes, section, crc::update);
        return (int) crc.getValue();
    }

    void digest(MessageDigest digest, long positionBytes, long lengthBytes, String section) throws IOException {
        forEachPiece(positionBytes, lengthBytes, section, digest::update);
    }

    interface Piece {
        void accept(ByteBuffer piece) throws IOException;
    }

    void forEachPiece(long positionBytes, long lengthBytes, String section, Piece consumer) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(Math.max(1, Math.min(lengthBytes, PIECE_BYTES)));
            for (long done = 0; done < lengthBytes; ) {
                MemorySegment piece = buffer.asSlice(0, Math.min(buffer.byteSize(), lengthBytes - done));
                readFully(positionBytes + done, piece, section);
                consumer.accept(piece.asByteBuffer());
                done += piece.byteSize();
            }
        }
    }
}
