package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import java.io.IOException;
import java.util.Optional;

/**
 * What a format must do to carry a live machine: a port. It has been given the machine's identity and memory, its
 * channels and its settings when it was made.
 *
 * <pre>
 * start
 * ( beginPart  (pages | endOfRound)*  endPart )*     while the guest runs
 * switchover                                         the guest stands still from here on
 * beginLast  (pages | endOfRound)*  endLast
 * devices  end
 * close
 *
 * or, where the guest goes before its RAM:
 *
 * start  ( beginPart … endPart )*  preparePostcopy
 * switchover  handOver                               the rest is the PostcopyStream's
 * close
 * </pre>
 *
 * <p>Owned by one thread, but for {@link #endOutput} and {@link #abort}. After an exception only those and
 * {@link #close} are of use.
 */
public interface OutgoingStream extends OutgoingConnection, AutoCloseable {

    /**
     * Writes everything that comes before the first page, and begins to listen where there is a return path.
     *
     * @param listener hears the destination
     */
    void start(ReturnPathListener listener) throws IOException;

    /**
     * The dirty log has been read, and a pass begins; the first one before {@link #start}.
     *
     * @param pass counts from 1
     */
    void beginPass(long pass);

    /** {@return the rules that the format itself has for scan, skip and stop; mostly none, and the user chooses} */
    default Optional<PrecopyPolicy> policy() {
        return Optional.empty();
    }

    /** A part of RAM begins. */
    void beginPart() throws IOException;

    /**
     * Sends pages as they stand in memory now; memory is read until {@link #endOfRound} or {@link #endLast} returns. A
     * page that changes meanwhile may arrive torn, and is sent again: the dirty log has it.
     *
     * @param blockIndex the block's index in the machine's layout
     * @param firstPage of the block
     * @param pages how many, from there on
     */
    void pages(int blockIndex, long firstPage, long pages) throws IOException;

    /** Every page of RAM has been looked at since the last call: channels have to be in step before one is repeated. */
    void endOfRound() throws IOException;

    /** The part is complete, and on its way. */
    void endPart() throws IOException;

    /** The guest stands still; what follows is the last of it. */
    void switchover() throws IOException;

    /** The last part of RAM begins. */
    void beginLast() throws IOException;

    /** The last part of RAM is complete: no page follows. */
    void endLast() throws IOException;

    /**
     * Sends the devices.
     *
     * @param before how the guest was before it was stopped for the migration
     */
    void devices(MachineState state, RunStatus before) throws IOException;

    /** Ends the stream; when this returns, the last byte has been written. */
    void end() throws IOException;

    /** {@return bytes sent over all channels} Those that wait in a buffer are counted. */
    long transferredBytes();

    /** {@return what has been sent} */
    TransferCounters counters();

    /**
     * Makes everything ready for a guest that goes first, while it still runs here: says which pages are still to come,
     * as far as that is known, and waits until the destination has forgotten them. The capability {@code postcopy-ram}
     * was on when this stream was made.
     *
     * @param left what is still to be sent now; kept, and claimed by nobody
     * @throws IOException if the connection fails, or this format has no postcopy
     */
    default void preparePostcopy(PageClaims left) throws IOException {
        throw new IOException("this format has no postcopy");
    }

    /**
     * Sends what lets the guest run at the destination, in place of the last part of RAM, the devices and the end: says
     * which pages are still to come besides those that were left before, then the devices. When this returns, all of it
     * is written, and the guest may run there; when it fails, not all of it is, and the guest cannot.
     *
     * @param work what is still to be sent; something is, and all that was left before
     * @param before how the guest was before it was stopped for the migration
     * @return sends the rest, over the same connections; it is closed before this stream
     */
    default PostcopyStream handOver(PostcopyWork work, MachineState state, RunStatus before) throws IOException {
        throw new IOException("this format has no postcopy");
    }

    /**
     * Frees what the stream holds, and waits until nobody calls the listener any more. The channels are closed.
     *
     * @throws IOException if a channel cannot be closed; it is of no importance to the migration
     */
    @Override
    void close() throws IOException;
}
