package dev.godwit.xen;

import java.io.IOException;
import java.util.Arrays;

/** The frames that exist, ascending, in batches as long as Xen's own. */
final class FrameBatches {

    /** Takes one batch. */
    interface Batch {
        void take(long[] frames) throws IOException;
    }

    private FrameBatches() {}

    static void each(FrameSource memory, Batch target) throws IOException {
        long[] batch = new long[SavedDomainWriter.MAX_BATCH];
        int length = 0;
        for (long frame = 0; frame < memory.frames(); frame++) {
            if (memory.exists(frame)) {
                batch[length++] = frame;
            }
            if (length == batch.length || (frame + 1 == memory.frames() && length > 0)) {
                target.take(Arrays.copyOf(batch, length));
                length = 0;
            }
        }
    }
}
