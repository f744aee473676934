package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Writes a saved HVM domain as it is told of it, byte for byte as {@link SavedDomainReader} read it (Xen migration
 * specification section 3). Whoever makes one anew keeps to what Xen's own readers take:
 * {@link RecordType#STATIC_DATA_END} before the first pages, at most {@value #MAX_BATCH} entries a batch, and the
 * special frames' parameters after the last pages.
 *
 * <p>Owned by one thread. After an exception the output holds a part of the stream.
 */
public final class SavedDomainWriter implements SavedDomainVisitor {

    /** How many entries Xen's own savers put into one batch at most. */
    public static final int MAX_BATCH = 1024;

    private final ImageOutput output;
    private long pagesOwed;

    /** A writer at the start of an output. */
    public SavedDomainWriter(ImageOutput output) {
        this.output = output;
    }

    @Override
    public void xl(XlHeader header) throws IOException {
        header.write(output);
    }

    @Override
    public void libxl(LibxlHeader header) throws IOException {
        header.write(output);
    }

    @Override
    public void libxlRecord(LibxlRecord record) throws IOException {
        output.u32(record.type().code());
        output.u32(8 + record.content().byteSize());
        output.u32(record.emulator());
        output.u32(record.index());
        output.bytes(record.content());
        pad(record.content().byteSize());
    }

    @Override
    public void libxcFollows() throws IOException {
        output.u32(1);
        output.u32(0);
    }

    @Override
    public void libxlEnd() throws IOException {
        output.u64(0);
        output.flush();
    }

    @Override
    public void header(ImageHeader header) throws IOException {
        header.write(output);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if pages of the last batch are missing
     */
    @Override
    public void record(StreamRecord record) throws IOException {
        if (pagesOwed != 0) {
            throw new IllegalStateException("pagesOwed=" + pagesOwed);
        }
        output.u32(record.type().code());
        output.u32(record.body().byteSize());
        output.bytes(record.body());
        pad(record.body().byteSize());
        if (record.type() == RecordType.END) {
            output.flush();
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if there are no entries, or more than fit into a record
     * @throws IllegalStateException if pages of the last batch are missing
     */
    @Override
    public void batch(long[] entries) throws IOException {
        long pages = 0;
        for (long entry : entries) {
            pages += PageEntry.hasContent(entry) ? 1 : 0;
        }
        long length = 8 + 8L * entries.length + pages * Page.SIZE_BYTES;
        if (entries.length == 0 || length > LibxcReader.MAX_BODY_BYTES) {
            throw new IllegalArgumentException("entries=%d, pages=%d".formatted(entries.length, pages));
        }
        if (pagesOwed != 0) {
            throw new IllegalStateException("pagesOwed=" + pagesOwed);
        }
        pagesOwed = pages;
        output.u32(RecordType.PAGE_DATA.code());
        output.u32(length);
        output.u32(entries.length);
        output.u32(0);
        for (long entry : entries) {
            output.u64(entry);
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if the last batch has all its pages
     */
    @Override
    public void page(long entry, MemorySegment content) throws IOException {
        if (pagesOwed == 0 || content.byteSize() != Page.SIZE_BYTES) {
            throw new IllegalStateException("pagesOwed=%d, bytes=%d".formatted(pagesOwed, content.byteSize()));
        }
        pagesOwed--;
        output.bytes(content);
    }

    private void pad(long length) throws IOException {
        output.bytes(new byte[(int) (-length & 7)]);
    }
}
