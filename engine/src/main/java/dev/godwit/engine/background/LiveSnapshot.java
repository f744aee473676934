package dev.godwit.engine.background;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.background.SnapshotOutput.PageWriter;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot of a running machine by its dirty log: pages are written while the guest runs, those that it wrote
 * meanwhile are written again, and for the last of them it stands still. The snapshot is that of the end; nobody ever
 * waits for a page, so any kind of access to the memory is safe. The output must take a page again, as a snapshot file
 * does.
 *
 * <p>{@link #run} does the work once; {@link #cancel} and {@link #pausedNs} may be called by any thread. However it
 * ends, the guest runs on here as it did.
 */
public final class LiveSnapshot {

    /** For as long as this the guest may stand still, reckoned by how fast the pass before was. */
    private static final long LONGEST_PAUSE_NS = 100_000_000;

    private static final int MOST_PASSES = 30;
    private static final int RUN_PAGES = 256;

    private final Machine machine;
    private final MachineRun machineRun;
    private final SnapshotOutput output;
    private final List<PageBitmap> dirty = new ArrayList<>();
    private volatile boolean cancelled;
    private volatile long pausedNs;
    private MachineState state = new MachineState(List.of());
    private RunStatus before = RunStatus.PAUSED;

    /**
     * A snapshot to be taken.
     *
     * @param output is closed by {@link #run}
     */
    public LiveSnapshot(Machine machine, MachineRun machineRun, SnapshotOutput output) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.output = output;
        machine.memory().layout().blocks().forEach(block -> {
            PageBitmap all = new PageBitmap(block.pages());
            all.setAll();
            dirty.add(all);
        });
    }

    /**
     * Takes the snapshot. When this returns, it is whole at its destination.
     *
     * @throws MigrationException if it failed or was cancelled; the guest runs on here if it ran before
     */
    public void run() throws MigrationException {
        try (output) {
            take();
        } catch (IOException | RuntimeException e) {
            String message = cancelled ? "the snapshot was cancelled" : String.valueOf(e.getMessage());
            throw new MigrationException(message, GuestLocation.GUEST_AT_SOURCE, e);
        }
    }

    private void take() throws IOException {
        output.begin();
        PageWriter writer = output.writer();
        try (DirtyLog log = machine.startDirtyLog(machine.dirtyLogMethods().getFirst())) {
            long leftPages = dirty.stream().mapToLong(PageBitmap::setPages).sum();
            for (int pass = 1; pass <= MOST_PASSES; pass++) {
                long startNs = System.nanoTime();
                write(log, writer);
                long tookNs = System.nanoTime() - startNs;
                double pagesPerNs = (double) leftPages / Math.max(1, tookNs);
                leftPages = log.collect(dirty);
                if (leftPages / pagesPerNs <= LONGEST_PAUSE_NS) {
                    break;
                }
            }
            pausedNs = machineRun.whileStopped(as -> last(as, log, writer));
        }
        output.end(state, before);
    }

    private void last(RunStatus as, DirtyLog log, PageWriter writer) throws IOException {
        before = as;
        log.collect(dirty);
        write(log, writer);
        state = machine.save();
    }

    private void write(DirtyLog log, PageWriter writer) throws IOException {
        for (int block = 0; block < dirty.size(); block++) {
            PageBitmap pages = dirty.get(block);
            for (long first = pages.nextSet(0); first >= 0; first = pages.nextSet(first)) {
                if (cancelled) {
                    throw new IOException("cancelled");
                }
                long clear = pages.nextClear(first);
                long count = Math.min((clear < 0 ? pages.pages() : clear) - first, RUN_PAGES);
                log.beforeRead(block, first, count);
                pages.clear(first, count);
                writer.write(block, first, count);
            }
        }
    }

    /** Undoes it, unless the file is whole already. */
    public void cancel() {
        cancelled = true;
    }

    /** {@return how long the guest stood still, in nanoseconds; 0 where it did not run, or has not stopped yet} */
    public long pausedNs() {
        return pausedNs;
    }
}
