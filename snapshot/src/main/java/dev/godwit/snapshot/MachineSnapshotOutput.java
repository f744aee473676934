package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * The snapshot of a running machine as a snapshot file: each thread writes its pages to their places. The file has its
 * name when {@link #end} returns, and not before.
 */
public final class MachineSnapshotOutput implements SnapshotOutput {

    private final Machine machine;
    private final SnapshotWriter writer;
    private final int writers;
    private final Supplier<CreationFacts> facts;
    private final AtomicLong pages = new AtomicLong();

    /**
     * A snapshot that has not begun.
     *
     * @param writer closed by this
     * @param writers how many threads copy pages in order, at least 1
     * @param facts how the snapshot came to be, asked at its end
     */
    public MachineSnapshotOutput(Machine machine, SnapshotWriter writer, int writers, Supplier<CreationFacts> facts) {
        this.machine = machine;
        this.writer = writer;
        this.writers = writers;
        this.facts = facts;
    }

    @Override
    public void begin() throws IOException {
        writer.begin(machine.memory().layout());
    }

    @Override
    public int writers() {
        return writers;
    }

    @Override
    public PageWriter writer() {
        PageLane lane = writer.lane();
        return (blockIndex, firstPage, count) -> {
            long offsetBytes = firstPage * Page.SIZE_BYTES;
            lane.pages(
                    blockIndex,
                    offsetBytes,
                    machine.memory().block(blockIndex).asSlice(offsetBytes, count * Page.SIZE_BYTES));
            lane.flush();
            pages.addAndGet(count);
        };
    }

    @Override
    public void end(MachineState state, RunStatus before) throws IOException {
        Configuration configuration =
                new Configuration(machine.type(), OptionalInt.empty(), List.of(), Optional.empty());
        writer.commit(MachineSections.vmState(configuration, state, before), facts.get());
    }

    @Override
    public TransferCounters counters() {
        long normal = writer.writtenBytes() / Page.SIZE_BYTES;
        return new TransferCounters(
                writer.writtenBytes(), 0, normal, Math.max(0, pages.get() - normal), Optional.empty());
    }

    @Override
    public void abort() {
        try {
            writer.close();
        } catch (IOException e) {
            System.getLogger("dev.godwit.snapshot")
                    .log(System.Logger.Level.WARNING, "the snapshot that was given up cannot be removed", e);
        }
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
