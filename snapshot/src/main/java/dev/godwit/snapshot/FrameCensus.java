package dev.godwit.snapshot;

import dev.godwit.engine.HeapNeed;
import dev.godwit.ram.PageBitmap;
import dev.godwit.xen.FrameListener;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Notes which frames a saved domain has, before there is a place for them. */
final class FrameCensus implements FrameListener {

    private static final int BITS = Long.SIZE;

    private long[] content = new long[16];
    private long[] allocated = new long[16];
    private long frames;

    @Override
    public void frames(long count) {
        frames = count;
    }

    @Override
    public void content(long frame, MemorySegment page) throws IOException {
        content = with(content, frame);
        frames = Math.max(frames, frame + 1);
    }

    @Override
    public void allocated(long frame) throws IOException {
        allocated = with(allocated, frame);
        frames = Math.max(frames, frame + 1);
    }

    @Override
    public void verify() {}

    /** Grows with the frames; what a page costs later is more, and is asked for then. */
    private static long[] with(long[] bits, long frame) throws IOException {
        long[] grown = bits;
        if (frame / BITS >= bits.length) {
            HeapNeed need = new HeapNeed(frame / 4);
            if (frame >= 1L << 34 || !need.fits()) {
                throw new IOException("frame 0x%x: a domain that large needs, for what is kept of each frame, %s"
                        .formatted(frame, need.remedy()));
            }
            grown = Arrays.copyOf(bits, (int) Math.max(bits.length * 2L, frame / BITS + 1));
        }
        grown[(int) (frame / BITS)] |= 1L << (frame % BITS);
        return grown;
    }

    /** {@return how many frame numbers there are: what the format says, or up to the highest that came; at least 1} */
    long frames() {
        return Math.max(1, frames);
    }

    /** {@return whether the content of a frame came} */
    boolean hasContent(long frame) {
        return has(content, frame);
    }

    /** {@return whether a frame was said to have memory} */
    boolean isAllocated(long frame) {
        return has(allocated, frame);
    }

    private static boolean has(long[] bits, long frame) {
        return frame / BITS < bits.length && (bits[(int) (frame / BITS)] & 1L << (frame % BITS)) != 0;
    }

    /** {@return the frames that came with content} */
    PageBitmap contentFrames() {
        return bitmap(content);
    }

    /** {@return the frames that have memory only} */
    PageBitmap allocatedFrames() {
        long[] only = allocated.clone();
        for (int word = 0; word < Math.min(only.length, content.length); word++) {
            only[word] &= ~content[word];
        }
        return bitmap(only);
    }

    private PageBitmap bitmap(long[] bits) {
        PageBitmap bitmap = new PageBitmap(frames());
        for (int word = 0; word < bits.length; word++) {
            for (long rest = bits[word]; rest != 0; rest &= rest - 1) {
                bitmap.set((long) word * BITS + Long.numberOfTrailingZeros(rest));
            }
        }
        return bitmap;
    }
}
