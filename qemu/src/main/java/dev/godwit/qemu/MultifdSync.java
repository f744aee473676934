package dev.godwit.qemu;

import dev.godwit.ram.RamLayout;
import java.io.IOException;

/**
 * The multifd channels as the reader of the main stream sees them, qemu-migration specification section 4.5.
 *
 * <p>The reader calls {@link #begin} once, when the block list of RAM START is known and its sink has begun, and
 * {@link #sync} at every marker of the main stream: each MULTIFD_FLUSH record, or each EOS of the ram section where the
 * source flushes after every section. Before {@code sync} it flushes its own lane.
 */
public interface MultifdSync {

    /** What in the main stream is the marker: follows from the source's machine type. */
    enum Mode {
        /** What the START section shows: it holds a MULTIFD_FLUSH record, or every EOS is the marker. */
        AS_START_SHOWS,
        /** A MULTIFD_FLUSH record: machine types of QEMU 8.1 and later. */
        PER_ROUND,
        /** Every EOS of RAM: QEMU before 8.1, and machine types up to 8.0. */
        PER_SECTION
    }

    /**
     * Tells the channels the blocks; until then they take no pages.
     *
     * @throws IOException if a channel has failed already
     */
    void begin(RamLayout layout) throws IOException;

    /**
     * Waits until every channel has delivered its next SYNC and flushed its pages, then lets the channels go on.
     *
     * @throws IOException if a channel fails or ends before its SYNC, or the wait is interrupted; RAM is not complete
     */
    void sync() throws IOException;
}
