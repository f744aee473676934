package dev.godwit.engine.precopy;

import dev.godwit.ram.Page;
import java.util.concurrent.TimeUnit;

/**
 * How fast the guest dirties RAM, in periods of more than a second that end with a reading of the dirty log
 * (qemu-migration specification section 8.3). Owned by the lap's thread.
 */
public final class DirtyRate {

    private static final long PERIOD_MS = 1000;

    private long periodStartNs;
    private long periodStartBytes;
    private long periodPages;
    private long pagesPerSecond;
    private long endedDirtyBytes;
    private long endedSentBytes;

    /** A first period that begins now. */
    public DirtyRate(long nowNs, long transferredBytes) {
        periodStartNs = nowNs;
        periodStartBytes = transferredBytes;
    }

    /**
     * The log has been read.
     *
     * @param pages that it reported
     * @return whether a period ended with it
     */
    public boolean read(long pages, long nowNs, long transferredBytes) {
        periodPages += pages;
        long ms = TimeUnit.NANOSECONDS.toMillis(nowNs - periodStartNs);
        if (ms <= PERIOD_MS) {
            return false;
        }
        pagesPerSecond = periodPages * 1000 / ms;
        endedDirtyBytes = periodPages * Page.SIZE_BYTES;
        endedSentBytes = transferredBytes - periodStartBytes;
        periodPages = 0;
        periodStartNs = nowNs;
        periodStartBytes = transferredBytes;
        return true;
    }

    /** {@return the rate of the last period, 0 before the first has ended} */
    public long pagesPerSecond() {
        return pagesPerSecond;
    }

    /** {@return what the guest dirtied in the last period, in bytes} */
    public long endedDirtyBytes() {
        return endedDirtyBytes;
    }

    /** {@return what was sent in the last period, in bytes} */
    public long endedSentBytes() {
        return endedSentBytes;
    }
}
