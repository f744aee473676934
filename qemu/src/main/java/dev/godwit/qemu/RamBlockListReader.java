package dev.godwit.qemu;

import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Reads the block list, qemu-migration specification section 2.2. Which optional fields it has is not said in the list
 * itself: the caller says it from what came before.
 *
 * <pre>
 * until the lengths reach the total:
 *   counted string id, u64 length
 *   u64 page size    with RAM postcopy, blocks of huge pages only
 *   u64 gpa          with x-ignore-shared
 *   what a mapped-ram file keeps of the block
 * </pre>
 */
final class RamBlockListReader {

    /** More than any machine has; each costs at least a page of the total, so this bounds the list's memory. */
    private static final int MAX_BLOCKS = 65536;

    private final Set<String> hugePageBlocks;
    private final boolean ignoreShared;
    private final MappedBlockReader mapped;

    /**
     * A reader of a stream's block list.
     *
     * @param hugePageBlocks the ids of the blocks that carry a page size
     * @param ignoreShared whether blocks carry a gpa
     * @param mapped reads what follows each block in a mapped-ram file
     */
    RamBlockListReader(Set<String> hugePageBlocks, boolean ignoreShared, MappedBlockReader mapped) {
        this.hugePageBlocks = hugePageBlocks;
        this.ignoreShared = ignoreShared;
        this.mapped = mapped;
    }

    /** {@return whether the pages stand in the list, as in a mapped-ram file} */
    boolean mapped() {
        return !mapped.equals(MappedBlockReader.NONE);
    }

    /** Reads the list, from behind its word, and hands it on. */
    RamBlockList read(ByteInput input, long totalBytes, RamVisitor visitor) throws IOException {
        if (totalBytes < 0 || totalBytes > RamBlock.MAX_LENGTH_BYTES) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "at most " + RamBlock.MAX_LENGTH_BYTES + " bytes of RAM",
                    Long.toUnsignedString(totalBytes));
        }
        List<RamBlockList.Entry> entries = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        long leftBytes = totalBytes;
        while (leftBytes > 0) {
            long at = input.position();
            RamBlockList.Entry entry = readEntry(input, leftBytes);
            if (!ids.add(entry.block().id())) {
                throw input.unexpectedAt(
                        at, "a RAM block's id once", entry.block().id() + " again");
            }
            if (entries.size() == MAX_BLOCKS) {
                throw input.unexpectedAt(at, "at most " + MAX_BLOCKS + " RAM blocks", "more");
            }
            entries.add(entry);
            leftBytes -= entry.block().lengthBytes();
            mapped.read(input, entry.block());
        }
        RamBlockList list = new RamBlockList(entries);
        visitor.blockList(list);
        return list;
    }

    private RamBlockList.Entry readEntry(ByteInput input, long leftBytes) throws IOException {
        long at = input.position();
        String id = input.countedString("a RAM block's id");
        if (id.isEmpty()) {
            throw input.unexpectedAt(at, "a RAM block's id", "an empty one");
        }
        long lengthBytes = input.u64();
        if (lengthBytes <= 0 || lengthBytes > leftBytes || lengthBytes % Page.SIZE_BYTES != 0) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "the length of " + id + ", whole pages, at most the " + leftBytes + " bytes that the total leaves",
                    Long.toUnsignedString(lengthBytes));
        }
        OptionalLong pageSizeBytes =
                hugePageBlocks.contains(id) ? OptionalLong.of(readPageSize(input, id)) : OptionalLong.empty();
        OptionalLong gpa = ignoreShared ? OptionalLong.of(input.u64()) : OptionalLong.empty();
        return new RamBlockList.Entry(new RamBlock(id, lengthBytes), pageSizeBytes, gpa);
    }

    private static long readPageSize(ByteInput input, String id) throws IOException {
        long pageSizeBytes = input.u64();
        if (pageSizeBytes < Page.SIZE_BYTES || Long.bitCount(pageSizeBytes) != 1) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "the page size of " + id + ", a power of two",
                    Long.toUnsignedString(pageSizeBytes));
        }
        return pageSizeBytes;
    }
}
