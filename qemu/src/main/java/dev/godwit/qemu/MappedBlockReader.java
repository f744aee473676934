package dev.godwit.qemu;

import dev.godwit.ram.RamBlock;
import java.io.IOException;

/** Reads what stands behind each block of a mapped-ram file's block list (specification section 5.1). */
@FunctionalInterface
public interface MappedBlockReader {

    /** Nothing stands there: every stream that is not a mapped-ram file. */
    MappedBlockReader NONE = (_, _) -> {};

    /**
     * Reads the header, bitmap and page area of a block, so that the input stands at the next block's entry.
     *
     * @param input behind the block's length
     * @param block the block
     */
    void read(ByteInput input, RamBlock block) throws IOException;
}
