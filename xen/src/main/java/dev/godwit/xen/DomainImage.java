package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a domain that stands still as a libxc stream of version 3, in the order that both of Xen's readers take (Xen
 * migration specification section 4.1): the policies, STATIC_DATA_END, all frames once and ascending, the state, END.
 */
public final class DomainImage {

    private final ImageHeader header;
    private final List<StreamRecord> policies;
    private final List<StreamRecord> state;

    /**
     * An image of a domain.
     *
     * @param header of version 3
     * @param records TSC_INFO, HVM_PARAMS and HVM_CONTEXT, which come after the pages in this order, and policies
     * @throws IllegalArgumentException if the version is another, or a record belongs elsewhere
     */
    public DomainImage(ImageHeader header, List<StreamRecord> records) {
        if (header.version() != ImageHeader.VERSION_3) {
            throw new IllegalArgumentException("version=" + header.version());
        }
        List<StreamRecord> before = new ArrayList<>();
        List<StreamRecord> behind = new ArrayList<>();
        for (StreamRecord record : records) {
            switch (record.type()) {
                case X86_TSC_INFO, HVM_PARAMS, HVM_CONTEXT -> behind.add(record);
                case X86_CPUID_POLICY, X86_MSR_POLICY -> before.add(record);
                default -> throw new IllegalArgumentException("not a record of state: " + record.type());
            }
        }
        this.header = header;
        this.policies = List.copyOf(before);
        this.state = List.copyOf(behind);
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
        for (StreamRecord policy : policies) {
            target.record(policy);
        }
        target.record(StreamRecord.empty(RecordType.STATIC_DATA_END));
        writePages(memory, target);
        for (StreamRecord record : state) {
            target.record(record);
        }
        target.record(StreamRecord.empty(RecordType.END));
    }

    private static void writePages(FrameSource memory, SavedDomainVisitor target) throws IOException {
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        FrameBatches.each(memory, frames -> {
            long[] entries = new long[frames.length];
            for (int i = 0; i < entries.length; i++) {
                boolean content = memory.hasContent(frames[i]);
                entries[i] = PageEntry.of(content ? PageEntry.NORMAL : PageEntry.ALLOCATE_ONLY, frames[i]);
            }
            target.batch(entries);
            for (long entry : entries) {
                if (PageEntry.hasContent(entry)) {
                    memory.read(PageEntry.frame(entry), page);
                    target.page(entry, page.asReadOnly());
                }
            }
        });
    }
}
