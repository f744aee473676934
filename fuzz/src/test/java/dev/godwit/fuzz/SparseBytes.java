package dev.godwit.fuzz;

import java.nio.ByteBuffer;

/**
 * A file with long holes in an input of few bytes.
 *
 * <pre>
 * again and again   u16 pages of 4096 zero bytes, u16 n, n bytes
 * </pre>
 */
final class SparseBytes {

    private static final int MAX_LENGTH_BYTES = 4 << 20;

    private SparseBytes() {}

    /** {@return the file, cut off at 4 MiB} */
    static byte[] expand(byte[] input) {
        ByteBuffer packed = ByteBuffer.wrap(input);
        ByteBuffer file = ByteBuffer.allocate(MAX_LENGTH_BYTES);
        while (packed.remaining() >= 4) {
            int holeBytes = (packed.getShort() & 0xffff) << 12;
            int length = Math.min(packed.getShort() & 0xffff, packed.remaining());
            if (holeBytes > file.remaining() - length) {
                break;
            }
            file.position(file.position() + holeBytes).put(packed.slice().limit(length));
            packed.position(packed.position() + length);
        }
        byte[] bytes = new byte[file.position()];
        file.flip().get(bytes);
        return bytes;
    }
}
