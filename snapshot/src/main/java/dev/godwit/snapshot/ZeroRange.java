package dev.godwit.snapshot;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Looks for bytes that are not zero where there should be none; holes are passed over without reading. */
final class ZeroRange {

    private static final int PIECE_BYTES = 1 << 16;
    private static final MemorySegment ZEROS = MemorySegment.ofArray(new byte[PIECE_BYTES]);

    private ZeroRange() {}

    /** {@return where the first byte that is not zero stands, or -1} */
    static long firstOther(SnapshotFile file, long positionBytes, long endBytes) throws IOException {
        long end = Math.min(endBytes, file.lengthBytes());
        if (positionBytes >= end) {
            return -1;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(PIECE_BYTES);
            long at = file.file().nextData(positionBytes);
            while (at >= 0 && at < end) {
                MemorySegment piece = buffer.asSlice(0, Math.min(PIECE_BYTES, end - at));
                file.readFully(at, piece, "padding");
                long other = MemorySegment.mismatch(piece, 0, piece.byteSize(), ZEROS, 0, piece.byteSize());
                if (other >= 0) {
                    return at + other;
                }
                at += piece.byteSize();
                at = at < end ? file.file().nextData(at) : -1;
            }
            return -1;
        }
    }
}
