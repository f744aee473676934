package dev.godwit.engine;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Guest RAM that stands still and can be read anywhere: that of a snapshot. Reads may come from several threads. */
public interface RamSource {

    /** {@return the blocks} */
    RamLayout layout();

    /**
     * {@return which pages of a block are present; the others are zero} Not to be changed by the caller.
     *
     * @param blockIndex the block's index in the layout
     */
    PageBitmap present(int blockIndex);

    /**
     * Reads whole pages; those not present read as zero.
     *
     * @param offsetBytes where the first page lies in the block
     * @param target whole pages, not past the end of the block
     * @throws IOException if the pages cannot be read; never answered with zeros instead
     */
    void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException;

    /** {@return the memory itself, where it is this process's and may be read in place instead} */
    default Optional<GuestMemory> inPlace() {
        return Optional.empty();
    }
}
