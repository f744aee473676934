package dev.godwit.operations.machine;

import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.snapshot.StreamFile;
import java.io.IOException;

/** A background snapshot as a stream into a file, which takes its name when all of it is on the disk. */
final class SnapshotToFile implements SnapshotOutput {

    private final SnapshotOutput stream;
    private final StreamFile file;

    /**
     * A snapshot into a file.
     *
     * @param stream has not begun, writes the file, and closes it
     */
    SnapshotToFile(SnapshotOutput stream, StreamFile file) {
        this.stream = stream;
        this.file = file;
    }

    @Override
    public void begin() throws IOException {
        stream.begin();
    }

    @Override
    public int writers() {
        return stream.writers();
    }

    @Override
    public PageWriter writer() {
        return stream.writer();
    }

    @Override
    public void end(MachineState state, RunStatus before) throws IOException {
        stream.end(state, before);
        file.commit();
    }

    @Override
    public TransferCounters counters() {
        return stream.counters();
    }

    @Override
    public void abort() {
        stream.abort();
    }

    @Override
    public void close() throws IOException {
        stream.close();
    }
}
