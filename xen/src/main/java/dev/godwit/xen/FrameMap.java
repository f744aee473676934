package dev.godwit.xen;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Which frame of a domain is which page of a machine's RAM blocks. Frames in holes and pages that no frame shows are in
 * none of the windows. Immutable.
 */
public final class FrameMap {

    /**
     * Pages of a block that lie one behind the other in the domain too.
     *
     * @param blockIndex the block's index in the layout
     * @param firstPage of the block
     * @param firstFrame where it lies
     * @param pages how many, at least 1
     */
    public record Window(int blockIndex, long firstPage, long firstFrame, long pages) {

        long endFrame() {
            return firstFrame + pages;
        }

        boolean has(long frame) {
            return frame >= firstFrame && frame < endFrame();
        }
    }

    private final List<Window> windows;

    /**
     * A map.
     *
     * @param windows in any order; no frame is in two of them
     */
    public FrameMap(List<Window> windows) {
        this.windows = windows.stream()
                .sorted(Comparator.comparingLong(Window::firstFrame))
                .toList();
    }

    /** {@return the windows by their frames} */
    public List<Window> windows() {
        return windows;
    }

    /** {@return the highest frame that shows a page, plus 1} */
    public long frames() {
        return windows.isEmpty() ? 0 : windows.getLast().endFrame();
    }

    /** {@return the block of which a frame shows a page, or -1} */
    public int block(long frame) {
        for (Window window : windows) {
            if (window.has(frame)) {
                return window.blockIndex();
            }
        }
        return -1;
    }

    /** {@return which page of its block a frame shows; it shows one} */
    public long page(long frame) {
        for (Window window : windows) {
            if (window.has(frame)) {
                return window.firstPage() + frame - window.firstFrame();
            }
        }
        throw new IllegalArgumentException("no page at frame 0x%x".formatted(frame));
    }

    /** {@return the frame that shows a page, or -1} */
    public long frame(int blockIndex, long page) {
        for (Window window : windows) {
            long within = page - window.firstPage();
            if (window.blockIndex() == blockIndex && within >= 0 && within < window.pages()) {
                return window.firstFrame() + within;
            }
        }
        return -1;
    }

    /** {@return the same without the frames of a range} */
    public FrameMap without(long firstFrame, long endFrame) {
        List<Window> rest = new ArrayList<>();
        for (Window window : windows) {
            long before = Math.min(window.endFrame(), firstFrame) - window.firstFrame();
            if (before > 0) {
                rest.add(new Window(window.blockIndex(), window.firstPage(), window.firstFrame(), before));
            }
            long from = Math.max(window.firstFrame(), endFrame);
            if (from < window.endFrame()) {
                long page = window.firstPage() + from - window.firstFrame();
                rest.add(new Window(window.blockIndex(), page, from, window.endFrame() - from));
            }
        }
        return new FrameMap(rest);
    }

    /** {@return the same without the frames in which no format of Xen's has RAM: for VGA, and below 4 GiB} */
    public FrameMap withoutHoles() {
        return without(FrameSpace.VGA_HOLE, FrameSpace.VGA_HOLE_END)
                .without(FrameSpace.MMIO_HOLE, FrameSpace.MMIO_HOLE_END);
    }

    /** {@return the same without the three frames that the restorer of 2007 makes anew} */
    public FrameMap withoutSpecialFrames(SpecialFrames specials) {
        return without(specials.bufioreq(), specials.bufioreq() + 1)
                .without(specials.store(), specials.store() + 1)
                .without(specials.ioreq(), specials.ioreq() + 1);
    }
}
