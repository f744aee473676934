package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads the RAM records of one channel; the byte table is at {@link RamFlags}. Remembers the block of the last record
 * across sections, as the format wants it: a section may open with a record that names no block.
 *
 * <p>A postcopy-preempt channel is a stream of records without a frame: {@link #readChannel}.
 */
final class RamRecordReader {

    private static final int FLAGS_MASK = Page.SIZE_BYTES - 1;
    private static final int NO_BLOCK = -1;

    private final ByteInput input;
    private final RamBlockListReader blockLists;
    private final boolean pagesInPlace;
    private @Nullable RamLayout layout;
    private int blockIndex = NO_BLOCK;
    private long lastPageBytes;

    /** A reader that learns the blocks from the stream. */
    RamRecordReader(ByteInput input, RamBlockListReader blockLists) {
        this.input = input;
        this.blockLists = blockLists;
        this.pagesInPlace = blockLists.mapped();
    }

    /** A reader of a channel whose stream has said the blocks elsewhere. */
    RamRecordReader(ByteInput input, RamBlockListReader blockLists, RamLayout layout) {
        this(input, blockLists);
        this.layout = layout;
    }

    /** {@return the blocks, or null where the stream has not said them yet} */
    @Nullable
    RamLayout layout() {
        return layout;
    }

    /** Reads a bare channel to its end: an EOS record, or the end of the input between two records. */
    void readChannel(RamVisitor visitor) throws IOException {
        input.section("preempt channel");
        while (!input.atEnd()) {
            if (!readRecord(visitor, false)) {
                return;
            }
        }
    }

    /**
     * Reads records up to EOS.
     *
     * @param first whether these are the START section's, which hold the block list
     */
    void readSection(RamVisitor visitor, boolean first) throws IOException {
        boolean more = true;
        while (more) {
            more = readRecord(visitor, first);
        }
    }

    /** Reads one record; false if it was EOS. */
    private boolean readRecord(RamVisitor visitor, boolean first) throws IOException {
        long word = input.u64();
        long offsetBytes = word & ~FLAGS_MASK;
        int flags = (int) word & FLAGS_MASK;
        if (pagesInPlace && flags != RamFlags.EOS && flags != RamFlags.MEM_SIZE) {
            throw unexpectedWord("no page records in a mapped-ram file", "flags 0x%03x".formatted(flags));
        }
        switch (flags) {
            case RamFlags.PAGE | RamFlags.CONTINUE -> {
                checkContinued(word);
                visitor.page(blockIndex, offsetBytes, true, input.take(Page.SIZE_BYTES));
            }
            case RamFlags.ZERO | RamFlags.CONTINUE -> {
                checkContinued(word);
                readFill();
                visitor.zeroPage(blockIndex, offsetBytes, true);
            }
            case RamFlags.PAGE -> {
                readBlock(word);
                visitor.page(blockIndex, offsetBytes, false, input.take(Page.SIZE_BYTES));
            }
            case RamFlags.ZERO -> {
                readBlock(word);
                readFill();
                visitor.zeroPage(blockIndex, offsetBytes, false);
            }
            case RamFlags.EOS -> {
                checkNoOffset(word);
                visitor.endOfRecords();
                return false;
            }
            default -> readRarely(visitor, word, first);
        }
        return true;
    }

    private void readRarely(RamVisitor visitor, long word, boolean first) throws IOException {
        long offsetBytes = word & ~FLAGS_MASK;
        switch ((int) word & FLAGS_MASK) {
            case RamFlags.XBZRLE | RamFlags.CONTINUE -> {
                checkContinued(word);
                visitor.xbzrlePage(blockIndex, offsetBytes, true, input.take(readXbzrleLength()));
            }
            case RamFlags.XBZRLE -> {
                readBlock(word);
                visitor.xbzrlePage(blockIndex, offsetBytes, false, input.take(readXbzrleLength()));
            }
            case RamFlags.COMPRESS_PAGE | RamFlags.CONTINUE -> {
                checkContinued(word);
                visitor.compressedPage(blockIndex, offsetBytes, true, input.take(readCompressedLength()));
            }
            case RamFlags.COMPRESS_PAGE -> {
                readBlock(word);
                visitor.compressedPage(blockIndex, offsetBytes, false, input.take(readCompressedLength()));
            }
            case RamFlags.MEM_SIZE -> readBlockList(visitor, word, first);
            case RamFlags.HOOK -> visitor.hook(offsetBytes);
            case RamFlags.MULTIFD_FLUSH -> {
                checkNoOffset(word);
                visitor.multifdFlush();
            }
            default -> throw unexpectedWord("a RAM record", "flags 0x%03x".formatted(word & FLAGS_MASK));
        }
    }

    private void readBlockList(RamVisitor visitor, long word, boolean first) throws IOException {
        if (!first || layout != null) {
            throw unexpectedWord("one block list, in the START section", "another one");
        }
        RamBlockList list = blockLists.read(input, word & ~FLAGS_MASK, visitor);
        layout = list.layout();
    }

    /** Reads the block's id and makes it the current one. */
    private void readBlock(long word) throws IOException {
        long at = input.position() - 8;
        if (layout == null) {
            throw input.unexpectedAt(at, "the block list", "a page before it");
        }
        String id = input.countedString("a RAM block's id");
        int index = layout.indexOf(id);
        if (index < 0) {
            throw input.unexpectedAt(at + 8, "a RAM block of the block list", id);
        }
        blockIndex = index;
        lastPageBytes = layout.block(index).lengthBytes() - Page.SIZE_BYTES;
        checkOffset(at, word);
    }

    private void checkContinued(long word) throws StreamFormatException {
        if (blockIndex == NO_BLOCK) {
            throw unexpectedWord("a record that names its block", "CONTINUE on the first record");
        }
        checkOffset(input.position() - 8, word);
    }

    private void checkOffset(long at, long word) throws StreamFormatException {
        long offsetBytes = word & ~FLAGS_MASK;
        if (offsetBytes < 0 || offsetBytes > lastPageBytes) {
            throw input.unexpectedAt(
                    at, "an offset up to 0x" + Long.toHexString(lastPageBytes), "0x" + Long.toHexString(offsetBytes));
        }
    }

    private void checkNoOffset(long word) throws StreamFormatException {
        if ((word & ~FLAGS_MASK) != 0) {
            throw unexpectedWord("offset 0 with these flags", "0x" + Long.toHexString(word));
        }
    }

    private void readFill() throws IOException {
        int fill = input.u8();
        if (fill != 0) {
            throw input.unexpectedAt(input.position() - 1, "fill byte 0 of a zero page", "byte " + fill);
        }
    }

    private int readXbzrleLength() throws IOException {
        int encoding = input.u8();
        if (encoding != RamFlags.XBZRLE_ENCODING) {
            throw input.unexpectedAt(input.position() - 1, "XBZRLE encoding 1", "encoding " + encoding);
        }
        int lengthBytes = input.u16();
        if (lengthBytes > Page.SIZE_BYTES) {
            throw input.unexpectedAt(input.position() - 2, "an XBZRLE delta up to a page", lengthBytes + " bytes");
        }
        return lengthBytes;
    }

    private int readCompressedLength() throws IOException {
        int lengthBytes = input.u32();
        if (lengthBytes < 1 || lengthBytes > RamFlags.MAX_COMPRESSED_BYTES) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "a compressed page of 1 to " + RamFlags.MAX_COMPRESSED_BYTES + " bytes",
                    Integer.toUnsignedString(lengthBytes));
        }
        return lengthBytes;
    }

    private StreamFormatException unexpectedWord(String expected, String found) {
        return input.unexpectedAt(input.position() - 8, expected, found);
    }
}
