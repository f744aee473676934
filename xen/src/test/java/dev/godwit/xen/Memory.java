package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Memory of a restored domain, and a listener that notes which frames came. */
class Memory implements FrameTarget, Hvm2007Visitor {

    private final List<Long> arrived;
    private MemorySegment frames = MemorySegment.ofArray(new byte[0]);

    Memory(List<Long> arrived) {
        this.arrived = arrived;
    }

    MemorySegment frame(long frame) {
        return frames.asSlice(frame * Page.SIZE_BYTES, Page.SIZE_BYTES);
    }

    MemorySegment all() {
        return frames;
    }

    @Override
    public void begin(FrameSpace space) {
        frames = MemorySegment.ofArray(new byte[(int) (space.frames() * Page.SIZE_BYTES)]);
    }

    @Override
    public void write(long frame, MemorySegment content) {
        frame(frame).copyFrom(content);
    }

    @Override
    public void read(long frame, MemorySegment target) {
        target.copyFrom(frame(frame));
    }

    @Override
    public void maxPfn(long maxPfn) {}

    @Override
    public void batch(long[] entries) {}

    @Override
    public void page(long frame, MemorySegment content) {
        arrived.add(frame);
    }

    @Override
    public void verify() {}

    @Override
    public void vcpus(int count) {}

    @Override
    public void vcpu(MemorySegment context) {}

    @Override
    public void hvmContext(MemorySegment context) {}
}
