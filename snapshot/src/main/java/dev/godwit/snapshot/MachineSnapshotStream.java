package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.qemu.vmstate.VmDescriptionWriter;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A live machine into a snapshot file: each page has its place, where its later copies go too; a page that became zero
 * loses its bit, and its place becomes a hole. When {@link #end} returns, the file is whole and on the disk.
 *
 * <p>The file is synced after each round while the guest runs, so that the sync for which it stands still is short.
 */
public final class MachineSnapshotStream implements OutgoingStream {

    /** Pages are written in runs of up to 1 MiB. */
    private static final int RUN_PAGES = 256;

    private static final int RAM_SECTION_ID = 1;

    private final Machine machine;
    private final SnapshotWriter writer;
    private final int writers;
    private final Supplier<CreationFacts> facts;
    private final Configuration configuration;
    private @Nullable PageWriters threads;
    private int runBlock;
    private long runFirstPage;
    private long runPages;
    private boolean guestStopped;
    private @Nullable VmState state;
    private volatile boolean aborted;
    private boolean committing;

    /**
     * A stream that has not begun.
     *
     * @param writer is closed with it
     * @param writers how many threads write, at least 1, each by a descriptor of its own
     * @param identity who the guest is, where that is to stand in the file
     * @param facts how the snapshot came to be; asked at its end
     */
    public MachineSnapshotStream(
            Machine machine,
            SnapshotWriter writer,
            int writers,
            Optional<UUID> identity,
            Supplier<CreationFacts> facts) {
        if (writers < 1) {
            throw new IllegalArgumentException("writers=" + writers);
        }
        this.machine = machine;
        this.writer = writer;
        this.writers = writers;
        this.facts = facts;
        this.configuration =
                new Configuration(machine.type(), OptionalInt.empty(), List.of(Configuration.MAPPED_RAM), identity);
    }

    @Override
    public void start(ReturnPathListener listener) throws IOException {
        writer.begin(machine.memory().layout());
        List<PageLane> lanes = new ArrayList<>();
        for (int index = 0; index < writers; index++) {
            lanes.add(writer.separateLane());
        }
        PageWriters started = new PageWriters(machine.memory(), lanes);
        synchronized (this) {
            threads = started;
            if (aborted) {
                started.abort(new IOException("the migration was given up"));
            }
        }
    }

    @Override
    public boolean hasReturnPath() {
        return false;
    }

    @Override
    public void beginPass(long pass) {}

    @Override
    public void beginPart() {}

    @Override
    public void pages(int blockIndex, long firstPage, long pages) throws IOException {
        long first = firstPage;
        long left = pages;
        if (runPages > 0 && (blockIndex != runBlock || first != runFirstPage + runPages)) {
            handOver();
        }
        while (left > 0) {
            if (runPages == 0) {
                runBlock = blockIndex;
                runFirstPage = first;
            }
            long more = Math.min(left, RUN_PAGES - runPages);
            runPages += more;
            first += more;
            left -= more;
            if (runPages == RUN_PAGES) {
                handOver();
            }
        }
    }

    private void handOver() throws IOException {
        if (runPages > 0) {
            begun().write(runBlock, runFirstPage, runPages);
            runPages = 0;
        }
    }

    private PageWriters begun() {
        if (threads == null) {
            throw new IllegalStateException("start comes first");
        }
        return threads;
    }

    /** A page may come again after this: what was handed over is written first. */
    private void settle() throws IOException {
        handOver();
        begun().await();
    }

    @Override
    public void endOfRound() throws IOException {
        settle();
        if (!guestStopped) {
            writer.syncPages();
        }
    }

    @Override
    public void endPart() throws IOException {
        handOver();
    }

    @Override
    public void switchover() throws IOException {
        guestStopped = true;
        settle();
    }

    @Override
    public void beginLast() {}

    @Override
    public void endLast() throws IOException {
        settle();
    }

    @Override
    public void devices(MachineState devices, RunStatus before) {
        List<DeviceState> all = MachineSections.devices(devices, before);
        state = new VmState(
                configuration,
                RAM_SECTION_ID,
                MachineSections.sections(all, RAM_SECTION_ID + 1),
                Optional.of(VmDescriptionWriter.write(configuration, all)));
    }

    @Override
    public void end() throws IOException {
        VmState last = state;
        if (last == null) {
            throw new IllegalStateException("devices come first");
        }
        synchronized (this) {
            if (aborted) {
                throw new IOException("the migration was given up");
            }
            committing = true;
        }
        writer.commit(last, facts.get());
    }

    @Override
    public long transferredBytes() {
        return writer.writtenBytes();
    }

    @Override
    public TransferCounters counters() {
        long writtenBytes = writer.writtenBytes();
        return new TransferCounters(
                writtenBytes, 0, writtenBytes / Page.SIZE_BYTES, writer.zeroPages(), Optional.empty());
    }

    @Override
    public void endOutput() {}

    /** {@inheritDoc} Once the file is being made whole, that is not broken off: it ends in a moment. */
    @Override
    public synchronized void abort() {
        if (!committing) {
            aborted = true;
            if (threads != null) {
                threads.abort(new IOException("the migration was given up"));
            }
        }
    }

    @Override
    public void close() throws IOException {
        PageWriters started = threads;
        try {
            if (started != null) {
                started.close();
            }
        } finally {
            writer.close();
        }
    }
}
