package dev.godwit.xen;

import dev.godwit.engine.precopy.DirtyPages;
import dev.godwit.engine.precopy.PageRun;
import dev.godwit.engine.precopy.PermutedScan;
import dev.godwit.engine.precopy.ScanOrder;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.util.List;

/**
 * The order of the saver of 2007 over the frames of a machine, holes included: Xen's permutation of all frame numbers
 * (Xen migration specification section 1.5). Pages that no frame shows are not sent: they are taken from the dirty ones
 * when a round begins, and told when the guest stands still.
 */
final class FrameScan implements ScanOrder {

    private final FrameMap map;
    private final long frames;
    private final PermutedScan order;
    private final List<PageBitmap> framed;
    private long position;

    /**
     * An order.
     *
     * @param frames how many frame numbers there are
     * @param layout of the machine
     */
    FrameScan(FrameMap map, long frames, RamLayout layout) {
        this.map = map;
        this.frames = frames;
        this.order = new PermutedScan(new RamLayout(List.of(new RamBlock("frames", frames * Page.SIZE_BYTES))));
        this.framed = layout.blocks().stream()
                .map(block -> new PageBitmap(block.pages()))
                .toList();
        for (FrameMap.Window window : map.windows()) {
            framed.get(window.blockIndex()).set(window.firstPage(), window.pages());
        }
    }

    /** {@return the frame at a position of the order} */
    long frameAt(long at) {
        return order.pageAt(at);
    }

    /** {@return how far the round is, in percent} */
    int percent() {
        return (int) (position * 100 / frames);
    }

    @Override
    public boolean next(DirtyPages dirty, PageRun found, int mostPages) {
        if (position == 0) {
            leaveOut(dirty);
        }
        while (position < frames) {
            long frame = frameAt(position++);
            int block = map.block(frame);
            if (block >= 0) {
                long page = map.page(frame);
                if (dirty.block(block).get(page)) {
                    found.set(block, page, 1, false);
                    return true;
                }
            }
        }
        restart();
        return false;
    }

    private void leaveOut(DirtyPages dirty) {
        for (int block = 0; block < framed.size(); block++) {
            PageBitmap pages = dirty.block(block);
            for (long page = pages.nextSet(0); page >= 0; page = pages.nextSet(page + 1)) {
                if (!framed.get(block).get(page)) {
                    dirty.clear(block, page, 1);
                }
            }
        }
    }

    @Override
    public void restart() {
        position = 0;
    }
}
