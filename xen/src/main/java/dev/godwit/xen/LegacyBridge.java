package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Turns a stream of the saver of April 2007 into the legacy stream of later Xen, which Xen's own converter takes (Xen
 * migration specification section 2.9). The pages pass through; the special frames, which the saver of 2007 left out,
 * are named for memory to be had for them. The vCPUs' contexts have no place there, and are dropped as Xen itself
 * dropped them: the HVM context holds the same.
 */
public final class LegacyBridge implements Hvm2007Visitor {

    private final LegacyVisitor target;
    private FrameSpace space = new FrameSpace(FrameSpace.MOST_FRAMES - 1);

    /** A bridge to what hears the legacy stream. */
    public LegacyBridge(LegacyVisitor target) {
        this.target = target;
    }

    @Override
    public void maxPfn(long maxPfn) throws IOException {
        space = new FrameSpace(maxPfn);
        target.p2mSize(space.frames());
        SpecialFrames specials = space.specialFrames();
        target.batch(new long[] {
            LegacyEntry.ALLOCATE_ONLY | specials.bufioreq(),
            LegacyEntry.ALLOCATE_ONLY | specials.store(),
            LegacyEntry.ALLOCATE_ONLY | specials.ioreq()
        });
    }

    @Override
    public void batch(long[] entries) throws IOException {
        target.batch(entries);
    }

    @Override
    public void page(long frame, MemorySegment content) throws IOException {
        target.page(frame, content);
    }

    @Override
    public void verify() throws IOException {
        target.chunk(LegacyChunk.VERIFY, MemorySegment.ofArray(new byte[0]));
    }

    @Override
    public void vcpus(int count) {}

    @Override
    public void vcpu(MemorySegment context) {}

    @Override
    public void hvmContext(MemorySegment context) throws IOException {
        target.end(space.specialFrames(), context);
    }

    @Override
    public void deviceModel(MemorySegment content) throws IOException {
        target.deviceModel(content);
    }
}
