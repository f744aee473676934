package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Takes a stream of the saver of 2007 apart into frames and state. The special frames, which it does not name, are
 * where its restorer puts them.
 */
final class SeedParts implements Hvm2007Visitor {

    private final FrameListener frames;
    private final Optional<MemorySegment> xend;
    private final List<StreamRecord> records = new ArrayList<>();
    private final List<LibxlRecord> emulators = new ArrayList<>();
    private final List<MemorySegment> vcpus = new ArrayList<>();
    private SpecialFrames specials = new SpecialFrames(0, 0, 0);

    SeedParts(FrameListener frames, Optional<MemorySegment> xend) {
        this.frames = frames;
        this.xend = xend;
    }

    @Override
    public void maxPfn(long maxPfn) throws IOException {
        FrameSpace space = new FrameSpace(maxPfn);
        frames.frames(space.frames());
        specials = space.specialFrames();
        frames.allocated(specials.bufioreq());
        frames.allocated(specials.store());
        frames.allocated(specials.ioreq());
    }

    @Override
    public void batch(long[] entries) {}

    @Override
    public void page(long frame, MemorySegment content) throws IOException {
        frames.content(frame, content);
    }

    @Override
    public void verify() throws IOException {
        frames.verify();
    }

    @Override
    public void vcpus(int count) {
        TreeMap<Long, Long> params = new TreeMap<>();
        params.put(StreamRecord.STORE_PFN, specials.store());
        params.put(StreamRecord.IOREQ_PFN, specials.ioreq());
        params.put(StreamRecord.BUFIOREQ_PFN, specials.bufioreq());
        records.add(StreamRecord.hvmParams(params));
    }

    @Override
    public void vcpu(MemorySegment context) {
        vcpus.add(context);
    }

    @Override
    public void hvmContext(MemorySegment context) {
        records.add(new StreamRecord(RecordType.HVM_CONTEXT, context));
    }

    @Override
    public void deviceModel(MemorySegment content) {
        emulators.add(new LibxlRecord(LibxlRecord.Type.EMULATOR_CONTEXT, 0, 0, content));
    }

    DomainState state() {
        return new DomainState(
                DomainState.XEN_4_17, Optional.empty(), xend, Optional.empty(), records, emulators, List.of(), vcpus);
    }
}
