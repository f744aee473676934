package dev.godwit.operations.machine;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.PrecopyPolicy;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.snapshot.StreamFile;
import java.io.IOException;
import java.util.Optional;

/**
 * A stream whose destination is a file, which takes its name when the stream has ended and all of it is on the disk:
 * only then is the guest given up. While the guest runs it is synced after each round, so that the sync for which it
 * stands still is short.
 */
final class StreamToFile implements OutgoingStream {

    private final OutgoingStream stream;
    private final StreamFile file;
    private boolean guestStopped;
    private boolean aborted;
    private boolean committing;

    /**
     * A stream into a file.
     *
     * @param stream has not begun, writes the file, and closes it
     */
    StreamToFile(OutgoingStream stream, StreamFile file) {
        this.stream = stream;
        this.file = file;
    }

    @Override
    public void start(ReturnPathListener listener) throws IOException {
        stream.start(listener);
    }

    @Override
    public boolean hasReturnPath() {
        return stream.hasReturnPath();
    }

    @Override
    public void beginPass(long pass) {
        stream.beginPass(pass);
    }

    @Override
    public Optional<PrecopyPolicy> policy() {
        return stream.policy();
    }

    @Override
    public void beginPart() throws IOException {
        stream.beginPart();
    }

    @Override
    public void pages(int blockIndex, long firstPage, long pages) throws IOException {
        stream.pages(blockIndex, firstPage, pages);
    }

    @Override
    public void endOfRound() throws IOException {
        stream.endOfRound();
        if (!guestStopped) {
            file.sync();
        }
    }

    @Override
    public void endPart() throws IOException {
        stream.endPart();
    }

    @Override
    public void switchover() throws IOException {
        guestStopped = true;
        stream.switchover();
    }

    @Override
    public void beginLast() throws IOException {
        stream.beginLast();
    }

    @Override
    public void endLast() throws IOException {
        stream.endLast();
    }

    @Override
    public void devices(MachineState state, RunStatus before) throws IOException {
        stream.devices(state, before);
    }

    @Override
    public void end() throws IOException {
        stream.end();
        synchronized (this) {
            if (aborted) {
                throw new IOException("the migration was given up");
            }
            committing = true;
        }
        file.commit();
    }

    @Override
    public long transferredBytes() {
        return stream.transferredBytes();
    }

    @Override
    public TransferCounters counters() {
        return stream.counters();
    }

    @Override
    public void endOutput() {
        stream.endOutput();
    }

    /** {@inheritDoc} Once the file is being given its name, that is not broken off: it ends in a moment. */
    @Override
    public synchronized void abort() {
        if (!committing) {
            aborted = true;
            stream.abort();
        }
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
