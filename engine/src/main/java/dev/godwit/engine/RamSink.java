package dev.godwit.engine;

import dev.godwit.ram.RamLayout;
import java.io.IOException;

/**
 * Where the pages of a migration go: a snapshot file, the memory of a machine.
 *
 * <p>Order of calls: {@link #begin} once, then any number of {@link #lane()}s, one for each channel that brings pages.
 */
public interface RamSink {

    /**
     * Makes room for the blocks; every page is zero until something else arrives.
     *
     * @throws IOException if there is no room; nothing was kept
     */
    void begin(RamLayout layout) throws IOException;

    /**
     * {@return a way in for the pages of one channel, owned by the calling thread} A page that arrives again replaces
     * the earlier copy. Two lanes may bring the same page only with a {@link PageLane#flush()} of the first between
     * them.
     */
    PageLane lane();
}
