package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Writes a domain that stands still as a libxc stream of version 3, in the order that both of Xen's readers take (Xen
 * migration specification section 4.1): STATIC_DATA_END, all frames once and ascending, the state, END.
 */
public final class DomainImage {

    private final ImageHeader header;
    private final List<StreamRecord> state;

    /**
     * An image of a domain.
     *
     * @param header of version 3
     * @param state what comes after the pages: TSC_INFO, HVM_PARAMS, HVM_CONTEXT
     * @throws IllegalArgumentException if the version is another, or a record belongs elsewhere
     */
    public DomainImage(ImageHeader header, List<StreamRecord> state) {
        if (header.version() != ImageHeader.VERSION_3) {
            throw new IllegalArgumentException("version=" + header.version());
        }
        for (StreamRecord record : state) {
            switch (record.type()) {
                case X86_TSC_INFO, HVM_PARAMS, HVM_CONTEXT -> {}
                default -> throw new IllegalArgumentException("not behind the pages: " + record.type());
            }
        }
        this.header = header;
        this.state = List.copyOf(state);
    }

    /**
     * Writes it.
     *
     * @param memory the frames
     * @param target hears every element; a {@link SavedDomainWriter} makes bytes of them
     * @throws IOException if a frame cannot be read, or the target fails
     */
    public void write(FrameSource memory, SavedDomainVisitor target) throws IOException {
        target.header(header);
        target.record(StreamRecord.empty(RecordType.STATIC_DATA_END));
        writePages(memory, target);
        for (StreamRecord record : state) {
            target.record(record);
        }
        target.record(StreamRecord.empty(RecordType.END));
    }

    private static void writePages(FrameSource memory, SavedDomainVisitor target) throws IOException {
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        long[] batch = new long[SavedDomainWriter.MAX_BATCH];
        int entries = 0;
        for (long frame = 0; frame < memory.frames(); frame++) {
            if (memory.exists(frame)) {
                batch[entries++] = PageEntry.of(PageEntry.NORMAL, frame);
            }
            if (entries == batch.length || (frame + 1 == memory.frames() && entries > 0)) {
                target.batch(Arrays.copyOf(batch, entries));
                for (int i = 0; i < entries; i++) {
                    memory.read(batch[i], page);
                    target.page(batch[i], page.asReadOnly());
                }
                entries = 0;
            }
        }
    }
}
