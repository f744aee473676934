package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;

/**
 * Writes a domain that stands still as a legacy stream, in the order that Xen's converter takes (Xen migration
 * specification section 2.7): the time stamp counter, all frames once and ascending, the other chunks, the end.
 */
final class LegacyImage {

    private final DomainState state;
    private final SpecialFrames specials;
    private final LegacyVisitor target;

    LegacyImage(DomainState state, SpecialFrames specials, LegacyVisitor target) {
        this.state = state;
        this.specials = specials;
        this.target = target;
    }

    void write(FrameSource memory) throws IOException {
        Optional<MemorySegment> context = state.record(RecordType.HVM_CONTEXT).map(StreamRecord::body);
        if (context.isEmpty() || state.emulators().size() > 1) {
            throw new IOException("the legacy stream has one HVM context and at most one device model, and the domain"
                    + " %s and %d"
                            .formatted(
                                    context.isEmpty() ? "none" : "one",
                                    state.emulators().size()));
        }
        target.p2mSize(memory.frames());
        Optional<StreamRecord> tsc = state.record(RecordType.X86_TSC_INFO);
        if (tsc.isPresent()) {
            target.chunk(LegacyChunk.TSC, tsc(tsc.get().body()));
        }
        writePages(memory);
        for (DomainState.LegacyPart part : state.chunks()) {
            target.chunk(part.chunk(), part.payload());
        }
        for (Map.Entry<Long, Long> param : DomainWriter.params(state).entrySet()) {
            Optional<LegacyChunk> chunk = LegacyChunk.ofParam(param.getKey());
            if (chunk.isPresent()) {
                MemorySegment payload = MemorySegment.ofArray(new byte[12]);
                payload.set(Layouts.U64, 4, param.getValue());
                target.chunk(chunk.get(), payload);
            }
        }
        target.end(specials, context.get());
        if (!state.emulators().isEmpty()) {
            target.deviceModel(state.emulators().getFirst().content());
        }
    }

    /** From u32 mode, u32 kHz, u64 ns, u32 incarnation to u32 mode, u64 ns, u32 kHz, u32 incarnation. */
    private static MemorySegment tsc(MemorySegment record) {
        MemorySegment payload = MemorySegment.ofArray(new byte[20]);
        payload.set(Layouts.U32, 0, record.get(Layouts.U32, 0));
        payload.set(Layouts.U64, 4, record.get(Layouts.U64, 8));
        payload.set(Layouts.U32, 12, record.get(Layouts.U32, 4));
        payload.set(Layouts.U32, 16, record.get(Layouts.U32, 16));
        return payload;
    }

    private void writePages(FrameSource memory) throws IOException {
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        FrameBatches.each(memory, frames -> {
            long[] entries = frames.clone();
            for (int i = 0; i < entries.length; i++) {
                entries[i] |= memory.hasContent(frames[i]) ? 0 : LegacyEntry.ALLOCATE_ONLY;
            }
            target.batch(entries);
            for (long entry : entries) {
                if (LegacyEntry.hasContent(entry)) {
                    memory.read(entry, page);
                    target.page(entry, page.asReadOnly());
                }
            }
        });
    }
}
