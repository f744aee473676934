package dev.godwit.qemu;

import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.Set;

/**
 * Reads a postcopy-preempt channel: RAM records without header and sections, up to an EOS record or the end of the
 * channel (qemu-migration specification section 3.7).
 */
public final class PreemptReader {

    private PreemptReader() {}

    /**
     * Reads the channel to its end.
     *
     * @param layout the blocks, as the main stream said them
     * @throws dev.godwit.engine.StreamFormatException if the channel ends inside a record, or a record is wrong
     */
    public static void read(ByteInput input, RamLayout layout, RamVisitor visitor) throws IOException {
        RamBlockListReader noList = new RamBlockListReader(Set.of(), false, MappedBlockReader.NONE);
        new RamRecordReader(input, noList, layout).readChannel(visitor);
    }
}
