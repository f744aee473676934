package dev.godwit.qemu;

import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.qemu.vmstate.MachineSections;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The snapshot of a running machine as QEMU's stream (qemu-migration specification section 6): no commands, each page
 * once, no END of RAM. Each run of pages is a PART of its own, on its way when the call returns; the writers of all
 * threads share the channel and take turns.
 *
 * <pre>
 * header, configuration
 * START ram: block list, EOS
 * PART ram: records, EOS             for each run
 * sections, EOF, VMDESCRIPTION
 * </pre>
 */
public final class BackgroundStream implements SnapshotOutput {

    private final Machine machine;
    private final WritableByteChannel channel;
    private final ByteOutput output;
    private final PrecopyFrame frame;
    private final MachinePages pages;
    private final Configuration configuration;
    /** Fair, so that whoever serves a write that waits has the next turn. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private volatile TransferCounters counters = TransferCounters.NONE;

    /**
     * A stream that has not begun.
     *
     * @param channel in blocking mode; closed by this stream
     */
    public BackgroundStream(Machine machine, WritableByteChannel channel) {
        this.machine = machine;
        this.channel = channel;
        this.output = new ByteOutput(channel);
        this.frame = new PrecopyFrame(new StreamWriter(output), MachineSections.RAM_SECTION_ID);
        this.pages = new MachinePages(machine.memory(), frame.writer());
        this.configuration = new Configuration(machine.type(), OptionalInt.empty(), List.of(), Optional.empty());
    }

    @Override
    public void begin() throws IOException {
        frame.begin(configuration, false);
        frame.beginStart(RamBlockList.of(machine.memory().layout()));
        frame.endRam();
        output.flush();
    }

    @Override
    public int writers() {
        return 1;
    }

    @Override
    public PageWriter writer() {
        return this::write;
    }

    private void write(int blockIndex, long firstPage, long count) throws IOException {
        turn.lock();
        try {
            frame.beginRam(SectionType.PART);
            long endPage = firstPage + count;
            long page = firstPage;
            while (page < endPage) {
                long zerosEnd = pages.zerosEnd(blockIndex, page, endPage);
                for (; page < zerosEnd; page++) {
                    pages.zero(blockIndex, page);
                }
                if (page < endPage) {
                    pages.lent(blockIndex, page);
                    page++;
                }
            }
            frame.endRam();
            output.flush();
            count();
        } finally {
            turn.unlock();
        }
    }

    private void count() {
        counters = new TransferCounters(output.position(), 0, pages.normalPages(), pages.zeroPages(), Optional.empty());
    }

    @Override
    public void end(MachineState state, RunStatus before) throws IOException {
        VmState devices = MachineSections.vmState(configuration, state, before);
        frame.sections(devices.sections());
        frame.end(devices.vmdescription());
        output.flush();
        count();
    }

    @Override
    public TransferCounters counters() {
        return counters;
    }

    @Override
    @SuppressWarnings("EmptyCatch") // closed again, and heard of, in close()
    public void abort() {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
