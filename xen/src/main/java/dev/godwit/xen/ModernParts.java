package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Takes a modern stream apart into frames and state. */
final class ModernParts implements SavedDomainVisitor {

    private final FrameListener frames;
    private final List<StreamRecord> records = new ArrayList<>();
    private final List<LibxlRecord> emulators = new ArrayList<>();
    private ImageHeader header = DomainState.XEN_4_17;
    private Optional<XlHeader> xl = Optional.empty();
    private Optional<LibxlHeader> libxl = Optional.empty();

    ModernParts(FrameListener frames) {
        this.frames = frames;
    }

    @Override
    public void xl(XlHeader read) {
        xl = Optional.of(read);
    }

    @Override
    public void libxl(LibxlHeader read) {
        libxl = Optional.of(read);
    }

    @Override
    public void libxlRecord(LibxlRecord record) {
        emulators.add(record);
    }

    @Override
    public void header(ImageHeader read) {
        header = read;
    }

    @Override
    public void record(StreamRecord record) throws IOException {
        switch (record.type()) {
            case VERIFY -> frames.verify();
            case END, STATIC_DATA_END -> {}
            default -> records.add(record);
        }
    }

    @Override
    public void batch(long[] entries) throws IOException {
        for (long entry : entries) {
            if (PageEntry.type(entry) == PageEntry.ALLOCATE_ONLY) {
                frames.allocated(PageEntry.frame(entry));
            }
        }
    }

    @Override
    public void page(long entry, MemorySegment content) throws IOException {
        frames.content(PageEntry.frame(entry), content);
    }

    DomainState state() {
        return new DomainState(header, xl, Optional.empty(), libxl, records, emulators, List.of(), List.of());
    }
}
