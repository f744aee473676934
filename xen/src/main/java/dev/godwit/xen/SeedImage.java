package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Writes a domain that stands still as a stream of the saver of 2007, all frames once and ascending: its restorer takes
 * any order. A frame where the restorer has a hole cannot be written, a special one need not be.
 */
final class SeedImage {

    private final DomainState state;
    private final FrameSpace space;
    private final Hvm2007Visitor target;

    SeedImage(DomainState state, FrameSpace space, Hvm2007Visitor target) {
        this.state = state;
        this.space = space;
        this.target = target;
    }

    void write(FrameSource memory) throws IOException {
        Optional<MemorySegment> context = state.record(RecordType.HVM_CONTEXT).map(StreamRecord::body);
        if (context.isEmpty() || state.emulators().size() > 1) {
            throw new IOException("the stream of 2007 has one HVM context and at most one device model, and the domain"
                    + " %s and %d"
                            .formatted(
                                    context.isEmpty() ? "none" : "one",
                                    state.emulators().size()));
        }
        target.maxPfn(space.maxPfn());
        writePages(memory);
        target.vcpus(state.vcpuContexts().size());
        for (MemorySegment vcpu : state.vcpuContexts()) {
            target.vcpu(vcpu);
        }
        target.hvmContext(context.get());
        if (!state.emulators().isEmpty()) {
            target.deviceModel(state.emulators().getFirst().content());
        }
    }

    private void writePages(FrameSource memory) throws IOException {
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        SpecialFrames specials = space.specialFrames();
        FrameBatches.each(new Sendable(memory, specials), frames -> {
            for (long frame : frames) {
                if (space.isHole(frame)) {
                    throw new IOException("the stream of 2007 has a hole at frame 0x%x, and the domain has memory there"
                            .formatted(frame));
                }
            }
            target.batch(frames);
            for (long frame : frames) {
                memory.read(frame, page);
                target.page(frame, page.asReadOnly());
            }
        });
    }

    /** The frames that are sent: not those that the restorer makes anew, nor those without content. */
    private record Sendable(FrameSource memory, SpecialFrames specials) implements FrameSource {

        @Override
        public long frames() {
            return memory.frames();
        }

        @Override
        public boolean exists(long frame) {
            return memory.exists(frame) && memory.hasContent(frame) && !specials.contains(frame);
        }

        @Override
        public void read(long frame, MemorySegment target) throws IOException {
            memory.read(frame, target);
        }
    }
}
