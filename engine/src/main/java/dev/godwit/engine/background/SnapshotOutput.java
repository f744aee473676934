package dev.godwit.engine.background;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.TransferCounters;
import java.io.IOException;

/**
 * Where the snapshot of a running machine goes: a port. It has been given the machine's memory when it was made.
 *
 * <pre>
 * begin  writer…  (write)*  end  close
 * </pre>
 *
 * <p>Owned by one thread, but for {@link #counters} and {@link #abort}, and its writers, each of which has a thread of
 * its own.
 */
public interface SnapshotOutput extends AutoCloseable {

    /** A way in for the pages that one thread brings. */
    interface PageWriter {
        /**
         * Writes pages as they stand in memory; each page comes once. When this returns they have left for good, and
         * the memory may change.
         *
         * @param blockIndex the block's index in the machine's layout
         */
        void write(int blockIndex, long firstPage, long pages) throws IOException;
    }

    /** Writes all that comes before the first page. */
    void begin() throws IOException;

    /**
     * {@return how many threads are of use to copy pages in order; at least 1} One more brings those that are waited
     * for.
     */
    int writers();

    /** {@return a way in} */
    PageWriter writer();

    /**
     * Every page has been written: writes the devices, and makes the snapshot whole.
     *
     * @param state of the instant of the snapshot
     * @param before how the guest was at that instant
     */
    void end(MachineState state, RunStatus before) throws IOException;

    /** {@return what has been written} */
    TransferCounters counters();

    /** Ends it from any thread: whoever writes fails, and no half snapshot stays. May wait for {@link #end}. */
    void abort();

    /** Frees what it holds; without {@link #end} before, nothing of the snapshot stays. */
    @Override
    void close() throws IOException;
}
