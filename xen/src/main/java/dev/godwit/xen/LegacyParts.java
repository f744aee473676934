package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

/** Takes a legacy stream apart into frames and state. */
final class LegacyParts implements LegacyVisitor {

    private final FrameListener frames;
    private final Optional<XlHeader> xl;
    private final Optional<MemorySegment> xend;
    private final List<StreamRecord> records = new ArrayList<>();
    private final List<LibxlRecord> emulators = new ArrayList<>();
    private final List<DomainState.LegacyPart> chunks = new ArrayList<>();
    private final SortedMap<Long, Long> params = new TreeMap<>();

    LegacyParts(FrameListener frames, Optional<XlHeader> xl, Optional<MemorySegment> xend) {
        this.frames = frames;
        this.xl = xl;
        this.xend = xend;
    }

    @Override
    public void p2mSize(long count) throws IOException {
        frames.frames(count);
    }

    @Override
    public void batch(long[] entries) throws IOException {
        for (long entry : entries) {
            if (LegacyEntry.isAllocateOnly(entry)) {
                frames.allocated(LegacyEntry.frame(entry));
            }
        }
    }

    @Override
    public void page(long entry, MemorySegment content) throws IOException {
        frames.content(LegacyEntry.frame(entry), content);
    }

    @Override
    public void chunk(LegacyChunk chunk, MemorySegment payload) throws IOException {
        OptionalLong param = chunk.param();
        if (param.isPresent()) {
            params.put(param.getAsLong(), payload.get(Layouts.U64, 4));
            return;
        }
        switch (chunk) {
            case VERIFY -> frames.verify();
            case LAST_CHECKPOINT -> {} // nothing but the end of what there is none of
            case TSC ->
                records.add(StreamRecord.tscInfo(
                        payload.get(Layouts.U32, 0),
                        payload.get(Layouts.U32, 12),
                        payload.get(Layouts.U64, 4),
                        payload.get(Layouts.U32, 16)));
            default -> chunks.add(new DomainState.LegacyPart(chunk, payload));
        }
    }

    @Override
    public void end(SpecialFrames specials, MemorySegment hvmContext) {
        params.put(StreamRecord.STORE_PFN, specials.store());
        params.put(StreamRecord.IOREQ_PFN, specials.ioreq());
        params.put(StreamRecord.BUFIOREQ_PFN, specials.bufioreq());
        records.add(StreamRecord.hvmParams(params));
        records.add(StreamRecord.hvmContext(hvmContext.toArray(ValueLayout.JAVA_BYTE)));
    }

    @Override
    public void deviceModel(MemorySegment content) {
        emulators.add(new LibxlRecord(LibxlRecord.Type.EMULATOR_CONTEXT, 0, 0, content));
    }

    DomainState state() {
        return new DomainState(DomainState.XEN_4_17, xl, xend, Optional.empty(), records, emulators, chunks, List.of());
    }
}
