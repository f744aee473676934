package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
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
 * </pre>
 *
 * <p>Owned by one thread, but for {@link #endOutput} and {@link #abort}. After an exception only those and
 * {@link #close} are of use.
 */
public interface OutgoingStream extends AutoCloseable {

    /**
     * Writes everything that comes before the first page, and begins to listen where there is a return path.
     *
     * @param listener hears the destination
     */
    void start(ReturnPathListener listener) throws IOException;

    /** {@return whether the destination will say how it went} */
    boolean hasReturnPath();

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
     * Tells the destination that no more comes, from any thread; it is still listened to. Whoever writes ends with an
     * exception. Does nothing where the channel cannot do that.
     */
    void endOutput();

    /** Closes the channels, from any thread: whoever writes or listens ends with an exception. Does not block. */
    void abort();

    /**
     * Frees what the stream holds, and waits until nobody calls the listener any more. The channels are closed.
     *
     * @throws IOException if a channel cannot be closed; it is of no importance to the migration
     */
    @Override
    void close() throws IOException;
}
