package dev.godwit.qemu;

import java.util.Optional;
import java.util.Set;

/**
 * What a {@link StreamReader} has to be told, because the stream does not say it.
 *
 * @param staysOpen whether the source keeps the channel open behind the last byte (a socket with a return path), so
 *     that the end has to be found by the vmdescription
 * @param inputEnd ends the channel's input where it stays open, so that a stream without a vmdescription, which nothing
 *     but silence ends, comes to its end; without it such a stream is waited on until the source hangs up
 * @param hugePageBlocks the ids of the blocks that huge pages back, where RAM postcopy is possible
 * @param mapped reads the pages of a mapped-ram file; with {@link MappedBlockReader#NONE} such a file is refused
 * @param bytesFollow whether bytes that are not the stream's may stand behind its vmdescription, as QEMU allows in a
 *     file, whose end it does not look at
 */
public record StreamOptions(
        boolean staysOpen,
        Optional<InputEnd> inputEnd,
        Set<String> hugePageBlocks,
        MappedBlockReader mapped,
        boolean bytesFollow) {

    /** A stream that ends with its channel. */
    public static final StreamOptions ENDS =
            new StreamOptions(false, Optional.empty(), Set.of(), MappedBlockReader.NONE, false);

    /** A stream whose channel stays open. */
    public static final StreamOptions STAYS_OPEN =
            new StreamOptions(true, Optional.empty(), Set.of(), MappedBlockReader.NONE, false);

    /** Copies the set. */
    public StreamOptions {
        hugePageBlocks = Set.copyOf(hugePageBlocks);
    }

    /** {@return the same with a way to end the input} */
    public StreamOptions withInputEnd(InputEnd end) {
        return new StreamOptions(staysOpen, Optional.of(end), hugePageBlocks, mapped, bytesFollow);
    }

    /** {@return the same with these blocks backed by huge pages} */
    public StreamOptions withHugePageBlocks(Set<String> ids) {
        return new StreamOptions(staysOpen, inputEnd, ids, mapped, bytesFollow);
    }

    /** {@return the same for a mapped-ram file} */
    public StreamOptions withMapped(MappedBlockReader reader) {
        return new StreamOptions(staysOpen, inputEnd, hugePageBlocks, reader, bytesFollow);
    }

    /** {@return the same with bytes allowed behind the stream} */
    public StreamOptions withBytesBehind() {
        return new StreamOptions(staysOpen, inputEnd, hugePageBlocks, mapped, true);
    }
}
