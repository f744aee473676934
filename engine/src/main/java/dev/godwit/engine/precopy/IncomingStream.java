package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.IncomingRest;
import java.io.IOException;
import java.util.Optional;

/**
 * What a format must do to bring a live machine: a port. It has been given its channels, the machine's memory and
 * identity when it was made, and refuses a stream of another machine.
 *
 * <p>Owned by one thread, but for {@link #abort}.
 */
public interface IncomingStream extends AutoCloseable {

    /**
     * Receives a machine to the end of the stream, or to where the source goes over to postcopy.
     *
     * @throws IOException if the stream is damaged, cut off, not supported or of another machine, or a channel fails;
     *     memory holds an unknown part
     */
    Arrived receive() throws IOException;

    /**
     * Tells the source that the guest is here, where it wants to be told.
     *
     * @throws IOException if it cannot be told; it keeps its guest
     */
    void confirm() throws IOException;

    /** Tells the source that it keeps its guest, as well as can be. Does nothing once {@link #confirm} was called. */
    void refuse();

    /** Closes the channels, from any thread: whoever reads ends with an exception. */
    void abort();

    /** Closes the channels and frees what the stream holds. */
    @Override
    void close() throws IOException;

    /**
     * A machine that has arrived, but for its pages, which are in memory or follow.
     *
     * @param state its devices
     * @param before how the guest was before it was stopped for the migration
     * @param rest the pages that follow; empty where all are in memory
     */
    record Arrived(MachineState state, RunStatus before, Optional<IncomingRest> rest) {}
}
