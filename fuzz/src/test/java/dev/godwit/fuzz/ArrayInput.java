package dev.godwit.fuzz;

import dev.godwit.qemu.mappedram.PositionedInput;
import java.lang.foreign.MemorySegment;

/** A file that is an array. */
final class ArrayInput implements PositionedInput {

    private final byte[] bytes;

    ArrayInput(byte[] bytes) {
        this.bytes = bytes;
    }

    @Override
    public long lengthBytes() {
        return bytes.length;
    }

    @Override
    public long read(long positionBytes, MemorySegment target) {
        long length = Math.clamp(bytes.length - positionBytes, 0, target.byteSize());
        if (length > 0) {
            MemorySegment.copy(MemorySegment.ofArray(bytes), positionBytes, target, 0, length);
        }
        return length;
    }
}
