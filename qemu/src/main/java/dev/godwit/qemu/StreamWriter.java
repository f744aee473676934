package dev.godwit.qemu;

import dev.godwit.ram.Page;
import dev.godwit.ram.PageViews;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes the elements that it hears: a {@link StreamReader} that drives it reproduces its stream byte for byte. The
 * byte tables are at {@link StreamHeader}, {@link ConfigurationSection}, {@link SectionHeader}, {@link Command} and
 * {@link StreamReader}; that of RAM records is in qemu-migration specification section 2.1.
 *
 * <p>Owned by one thread. The caller flushes the output.
 */
public final class StreamWriter implements StreamVisitor {

    private final ByteOutput output;
    private @Nullable RamLayout layout;

    /** A writer of one stream. */
    public StreamWriter(ByteOutput output) {
        this.output = output;
    }

    /** A writer of a channel whose blocks are said elsewhere: preempt, or the connection of a recovery. */
    public StreamWriter(ByteOutput output, RamLayout layout) {
        this.output = output;
        this.layout = layout;
    }

    @Override
    public void header() throws IOException {
        StreamHeader.write(output);
    }

    @Override
    public void configuration(Configuration configuration) throws IOException {
        ConfigurationSection.write(output, configuration);
    }

    @Override
    public void command(Command command) throws IOException {
        Commands.write(output, command);
    }

    @Override
    public void packaged(byte[] blob) throws IOException {
        output.write(blob);
    }

    @Override
    public void beginRamSection(SectionHeader header) throws IOException {
        Sections.writeHeader(output, header);
    }

    @Override
    public void endRamSection(SectionHeader header) throws IOException {
        Sections.writeFooter(output, header.sectionId());
    }

    @Override
    public void section(Section section) throws IOException {
        Sections.write(output, section);
    }

    @Override
    public void endOfStream() throws IOException {
        output.u8(SectionType.EOF.wireByte());
    }

    @Override
    public void vmdescription(byte[] json) throws IOException {
        output.u8(SectionType.VMDESCRIPTION.wireByte());
        output.u32(json.length);
        output.write(json);
    }

    @Override
    public void blockList(RamBlockList list) throws IOException {
        layout = list.layout();
        output.u64(layout.totalBytes() | RamFlags.MEM_SIZE);
        for (RamBlockList.Entry entry : list.entries()) {
            output.countedString(entry.block().id());
            output.u64(entry.block().lengthBytes());
            if (entry.pageSizeBytes().isPresent()) {
                output.u64(entry.pageSizeBytes().getAsLong());
            }
            if (entry.gpa().isPresent()) {
                output.u64(entry.gpa().getAsLong());
            }
        }
    }

    @Override
    public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException {
        word(RamFlags.ZERO, blockIndex, offsetBytes, continued);
        output.u8(0);
    }

    @Override
    public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) throws IOException {
        word(RamFlags.PAGE, blockIndex, offsetBytes, continued);
        output.write(content);
    }

    /** Writes a page that is read from guest memory when the output is flushed. */
    void lentPage(int blockIndex, long offsetBytes, boolean continued, PageViews memory) throws IOException {
        word(RamFlags.PAGE, blockIndex, offsetBytes, continued);
        output.lend(memory, blockIndex, offsetBytes, Page.SIZE_BYTES);
    }

    @Override
    public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
            throws IOException {
        word(RamFlags.XBZRLE, blockIndex, offsetBytes, continued);
        output.u8(RamFlags.XBZRLE_ENCODING);
        output.u16((int) delta.byteSize());
        output.write(delta);
    }

    @Override
    public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
            throws IOException {
        word(RamFlags.COMPRESS_PAGE, blockIndex, offsetBytes, continued);
        output.u32((int) zlib.byteSize());
        output.write(zlib);
    }

    @Override
    public void hook(long offsetBytes) throws IOException {
        output.u64(offsetBytes | RamFlags.HOOK);
    }

    @Override
    public void multifdFlush() throws IOException {
        output.u64(RamFlags.MULTIFD_FLUSH);
    }

    @Override
    public void endOfRecords() throws IOException {
        output.u64(RamFlags.EOS);
    }

    private void word(int flags, int blockIndex, long offsetBytes, boolean continued) throws IOException {
        if (offsetBytes % Page.SIZE_BYTES != 0) {
            throw new IllegalArgumentException("offsetBytes is no multiple of a page: " + offsetBytes);
        }
        if (continued) {
            output.u64(offsetBytes | flags | RamFlags.CONTINUE);
            return;
        }
        if (layout == null) {
            throw new IllegalStateException("a page before the block list");
        }
        output.u64(offsetBytes | flags);
        output.countedString(layout.block(blockIndex).id());
    }
}
