package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import java.util.OptionalLong;

/**
 * QEMU's rule: the guest is stopped when what is left can be sent within the downtime limit (qemu-migration
 * specification section 8.2).
 *
 * <pre>
 * each window:  bandwidth = bytes / ms, or avail-switchover-bandwidth / 1000
 *               threshold = bandwidth * downtime-limit
 * each turn:    less dirty than the threshold: read the log
 *               none dirty, or still less than the threshold: switch over
 * </pre>
 *
 * The threshold is 0 until the first window is over: a first round that is faster goes straight to the switchover.
 */
public final class DowntimeStop implements StopRule {

    /** Windows with less than this say nothing about bandwidth. */
    private static final long MEANINGFUL_BYTES = 10_000;

    private long thresholdBytes;
    private OptionalLong expectedDowntimeMs = OptionalLong.empty();

    @Override
    public Decision decide(LapView view) {
        boolean few = view.dirtyBytes() < thresholdBytes;
        if (few && !view.exact()) {
            return Decision.READ_DIRTY_LOG;
        }
        return (few || view.dirtyBytes() == 0) && view.canSwitchOver() ? Decision.SWITCH_OVER : Decision.SEND;
    }

    @Override
    public void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters) {
        long available = parameters.number(MigrationParameter.AVAIL_SWITCHOVER_BANDWIDTH);
        long availablePerMs = available / 1000;
        double bytesPerMs = available > 0 ? availablePerMs : (double) bytes / ms;
        thresholdBytes = (long) (bytesPerMs * parameters.number(MigrationParameter.DOWNTIME_LIMIT));
        if (view.dirtyPagesRate() > 0 && bytes > MEANINGFUL_BYTES && bytesPerMs > 0) {
            expectedDowntimeMs = OptionalLong.of((long) (view.dirtyBytesAtSync() / bytesPerMs));
        }
    }

    /** {@return how few bytes may be left for the switchover} */
    long thresholdBytes() {
        return thresholdBytes;
    }

    @Override
    public OptionalLong expectedDowntimeMs() {
        return expectedDowntimeMs;
    }
}
