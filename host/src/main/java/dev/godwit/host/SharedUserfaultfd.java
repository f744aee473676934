package dev.godwit.host;

import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.PageWaker;
import dev.godwit.linux.Userfaultfd;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/**
 * The userfaultfd of another process that has mapped the guest's memory, as QEMU's {@code PostCopyFD}: its faults are
 * served like those of this process, and it is woken when a page is placed, whoever asked for it. The page itself is
 * there through the memory file that both have mapped.
 *
 * <p>Thread-safe. Its death is nothing to anybody else.
 */
public final class SharedUserfaultfd implements PageWaker, Closeable {

    /**
     * A block as the other process has mapped it.
     *
     * @param address where, in that process
     * @param lengthBytes all of the block
     * @param blockIndex in the machine's layout
     */
    public record Region(long address, long lengthBytes, int blockIndex) {}

    private final Userfaultfd faults;
    private final List<Region> regions;
    private final DemandPaging paging;
    private final FaultThread thread;

    /**
     * Begins to serve another process.
     *
     * @param faults its userfaultfd, with its regions registered for missing pages; closed here
     */
    public SharedUserfaultfd(Userfaultfd faults, List<Region> regions, DemandPaging paging) throws IOException {
        this.faults = faults;
        this.regions = List.copyOf(regions);
        this.paging = paging;
        paging.wakeBy(this); // before the first fault is heard: a page may come between
        this.thread = FaultThread.start(faults, this::fault);
    }

    private void fault(long address, int threadId) {
        for (Region region : regions) {
            long offsetBytes = address - region.address();
            if (offsetBytes >= 0 && offsetBytes < region.lengthBytes()) {
                long hostPageBytes = paging.memory().hostPageBytes().get(region.blockIndex());
                long start = offsetBytes & -hostPageBytes;
                paging.fault(region.blockIndex(), start, 0); // its threads are no vCPUs of ours
                if (paging.arrivals().isHere(region.blockIndex(), start / hostPageBytes)) {
                    placed(region.blockIndex(), start);
                }
                return;
            }
        }
        throw new IllegalStateException("a fault outside of what is shared, at " + Long.toHexString(address));
    }

    @Override
    public void placed(int blockIndex, long offsetBytes) {
        for (Region region : regions) {
            if (region.blockIndex() == blockIndex) {
                long hostPageBytes = paging.memory().hostPageBytes().get(blockIndex);
                // a process that has died needs no waking
                long _ = faults.wake(region.address() + offsetBytes, hostPageBytes);
            }
        }
    }

    /** Wakes whoever waits, to look again: pages have come of which nobody was told. */
    public void wakeAll() {
        for (Region region : regions) {
            long _ = faults.wake(region.address(), region.lengthBytes());
        }
    }

    /** Serves it no more. Its memory is ordinary again once it has closed its own descriptor, or is gone. */
    @Override
    public void close() {
        paging.wakeNoMoreBy(this);
        thread.end();
        faults.close();
    }
}
