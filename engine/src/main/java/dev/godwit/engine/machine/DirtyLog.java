package dev.godwit.engine.machine;

import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.List;

/**
 * The record of which pages a machine writes while it runs.
 *
 * <p>Guarantee: a write that begins after {@link #collect} (and, for its page, {@link #beforeRead}) has returned is in
 * a later collect; a write that was complete before is in this one. A page may be reported that was not written; one
 * that was is never left out. Owned by one thread, but for {@link #close}, which comes last.
 */
public interface DirtyLog extends AutoCloseable {

    /** {@return how it is done: {@code pagemap-scan}, {@code kvm-bitmap} or {@code kvm-ring}} */
    String method();

    /**
     * Adds the pages written since the last call, or since the log was started.
     *
     * @param dirty one bitmap a block, in the layout's order; bits are only set. Nobody else sets or clears them
     *     meanwhile
     * @return how many pages were reported, whether their bit was set before or not: what the guest dirtied
     * @throws IOException if the kernel refuses; pages may be missing from the bitmaps then
     */
    long collect(List<PageBitmap> dirty) throws IOException;

    /**
     * The same for a guest that stands still, and never runs again unless this log is closed: what is written after it
     * may be reported by no later call. A log that arms pages as it collects them saves that, while the guest waits.
     *
     * @param dirty as for {@link #collect}
     * @param known one bitmap a block: pages that need not be reported, because they are known to be dirty. May be the
     *     same bitmaps
     * @return how many pages were reported
     * @throws IOException if the kernel refuses; pages may be missing from the bitmaps then
     */
    default long collectLast(List<PageBitmap> dirty, List<PageBitmap> known) throws IOException {
        return collect(dirty);
    }

    /**
     * Has to be called after {@link #collect} reported pages and before they are read: writes from here on are seen by
     * the next collect. A log that arms pages as it collects them does nothing here.
     *
     * @param pages how many, from {@code firstPage} on; may be more than were reported, at no harm
     */
    void beforeRead(int blockIndex, long firstPage, long pages) throws IOException;

    /** Stops recording; the guest's memory is as it was before, without any protection left. Twice does no harm. */
    @Override
    void close() throws IOException;
}
