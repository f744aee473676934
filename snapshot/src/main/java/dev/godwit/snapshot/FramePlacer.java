package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.xen.FrameListener;
import dev.godwit.xen.FrameMap;
import dev.godwit.xen.ImageInput;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Puts the frames of a saved domain to their places in RAM; those that come to be compared are compared. */
final class FramePlacer implements FrameListener {

    private static final int KEPT_MISMATCHES = 1000;

    private final ImageInput input;
    private final RamLayout layout;
    private final FrameMap map;
    private final PageLane lane;
    private final MemorySegment kept = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
    private final List<Damage> mismatches = new ArrayList<>();
    private boolean verifying;

    /**
     * A placer.
     *
     * @param input says where a frame that has no place stands
     * @param map where the frames lie
     * @param lane of what has the layout
     */
    FramePlacer(ImageInput input, RamLayout layout, FrameMap map, PageLane lane) {
        this.input = input;
        this.layout = layout;
        this.map = map;
        this.lane = lane;
    }

    @Override
    public void frames(long count) {}

    @Override
    public void content(long frame, MemorySegment content) throws IOException {
        int block = map.block(frame);
        if (block < 0) {
            throw new StreamFormatException(
                    input.positionBytes() - Page.SIZE_BYTES,
                    "pages",
                    "frames that the machine has",
                    "frame 0x%x".formatted(frame));
        }
        long offsetBytes = map.page(frame) * Page.SIZE_BYTES;
        if (!verifying) {
            lane.pages(block, offsetBytes, content);
            return;
        }
        lane.read(block, offsetBytes, kept);
        if (kept.mismatch(content) >= 0 && mismatches.size() < KEPT_MISMATCHES) {
            mismatches.add(new Damage.Page(
                    layout.block(block).id(), block, offsetBytes, input.positionBytes() - Page.SIZE_BYTES));
        }
    }

    @Override
    public void allocated(long frame) {}

    @Override
    public void verify() throws IOException {
        verifying = true;
        lane.flush();
    }

    /** {@return the first pages that were not what had been sent before} */
    List<Damage> mismatches() {
        return mismatches;
    }
}
