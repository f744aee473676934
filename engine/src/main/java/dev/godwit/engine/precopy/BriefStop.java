package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameters;
import java.util.OptionalLong;

/**
 * QEMU's rule with patience: the guest is stopped when what is left can be sent within the downtime limit, but not
 * while another pass would leave clearly less. On a fast connection {@link DowntimeStop} stops a guest early, with as
 * much left as fits into the limit; this rule makes use of the limit only where the guest writes so fast that it has
 * to.
 *
 * <pre>
 * in a pass:    send
 * at its end:   read the log
 * then:         left less than the threshold of DowntimeStop, and
 *               less than FEW_BYTES, or more than 3/4 of what the last reading found: switch over
 *               none dirty: switch over
 * </pre>
 *
 * A guest that writes at a constant rate leaves, from pass to pass, the share of rate by bandwidth: the extra passes
 * are a geometric series, and cost together less than that share of the first.
 */
public final class BriefStop implements StopRule {

    /** So little is sent in well under a millisecond: no pass can make the pause shorter. */
    static final long FEW_BYTES = 256 << 10;

    private final DowntimeStop limit = new DowntimeStop();
    private long lastLeftBytes = Long.MAX_VALUE;

    @Override
    public Decision decide(LapView view) {
        long leftBytes = view.dirtyBytes();
        if (!view.exact()) {
            return leftBytes == 0 ? Decision.READ_DIRTY_LOG : Decision.SEND;
        }
        boolean within = leftBytes == 0 || leftBytes < limit.thresholdBytes();
        boolean least = leftBytes < FEW_BYTES || leftBytes > lastLeftBytes / 4 * 3;
        lastLeftBytes = leftBytes;
        return within && least && view.canSwitchOver() ? Decision.SWITCH_OVER : Decision.SEND;
    }

    @Override
    public void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters) {
        limit.windowEnded(bytes, ms, view, parameters);
    }

    @Override
    public OptionalLong expectedDowntimeMs() {
        return limit.expectedDowntimeMs();
    }
}
