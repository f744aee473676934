package dev.godwit.xen;

import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Restores a stream of the saver of April 2007 into memory; a {@link Hvm2007Reader} in front of it checks all that the
 * stream itself can be checked for (Xen migration specification sections 2.6 and 6.2). The special frames, wherever
 * they came from, are zero at the end. Unlike the original it fails on every error.
 */
public final class Hvm2007Restorer implements Hvm2007Visitor {

    private static final int NAMED_MISMATCHES = 16;

    private final FrameTarget memory;
    private final boolean mismatchFails;
    private final MemorySegment kept = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
    private final List<MemorySegment> vcpus = new ArrayList<>();
    private final List<Long> mismatches = new ArrayList<>();
    private long mismatchedPages;
    private Optional<FrameSpace> space = Optional.empty();
    private Optional<MemorySegment> hvmContext = Optional.empty();
    private boolean verifying;

    /**
     * A restorer into memory.
     *
     * @param memory gets the frames
     * @param mismatchFails whether a page that is compared and differs ends it, or is only counted, as in 2007
     */
    public Hvm2007Restorer(FrameTarget memory, boolean mismatchFails) {
        this.memory = memory;
        this.mismatchFails = mismatchFails;
    }

    @Override
    public void maxPfn(long maxPfn) throws IOException {
        FrameSpace made = new FrameSpace(maxPfn);
        space = Optional.of(made);
        memory.begin(made);
    }

    @Override
    public void batch(long[] entries) {}

    @Override
    public void page(long frame, MemorySegment content) throws IOException {
        if (!verifying) {
            memory.write(frame, content);
            return;
        }
        memory.read(frame, kept);
        if (kept.mismatch(content) < 0) {
            return;
        }
        if (mismatchFails) {
            throw new IOException("frame 0x%x is not what was sent before".formatted(frame));
        }
        mismatchedPages++;
        if (mismatches.size() < NAMED_MISMATCHES) {
            mismatches.add(frame);
        }
    }

    @Override
    public void verify() {
        verifying = true;
    }

    @Override
    public void vcpus(int count) throws IOException {
        SpecialFrames specials = space.orElseThrow().specialFrames();
        kept.fill((byte) 0);
        memory.write(specials.ioreq(), kept);
        memory.write(specials.store(), kept);
        memory.write(specials.bufioreq(), kept);
    }

    @Override
    public void vcpu(MemorySegment context) {
        vcpus.add(copy(context));
    }

    @Override
    public void hvmContext(MemorySegment context) {
        hvmContext = Optional.of(copy(context));
    }

    /** {@return the contexts of the vCPUs} */
    public List<MemorySegment> vcpuContexts() {
        return List.copyOf(vcpus);
    }

    /** {@return the hypervisor's state, once the stream has been read} */
    public Optional<MemorySegment> hvmContext() {
        return hvmContext;
    }

    /** {@return how many compared pages differed} */
    public long mismatchedPages() {
        return mismatchedPages;
    }

    /** {@return the first frames that differed, at most 16} */
    public List<Long> firstMismatches() {
        return List.copyOf(mismatches);
    }

    private static MemorySegment copy(MemorySegment bytes) {
        return MemorySegment.ofArray(bytes.toArray(ValueLayout.JAVA_BYTE)).asReadOnly();
    }
}
