package dev.godwit.operations;

import dev.godwit.engine.postcopy.PushPolicy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What to restore by postcopy, and into what.
 *
 * @param file a snapshot of any format that Godwit reads
 * @param destination the QEMU that takes the guest
 * @param order of the push; empty for recorded where there is a recording, and fault-forward otherwise
 * @param maxBandwidthBytesPerSecond the limit of the push, 0 for none; what the guest asks for is not limited
 * @param resume whether the guest runs there already and has lost its source
 * @param preempt whether what is asked for travels over a connection of its own
 * @param record whether to keep which pages were asked for beside the snapshot; the push then waits for the guest's
 *     first touches, a second at most
 * @param faultLatency for how long a page that is asked for may wait before the push is slowed down; zero for as long
 *     as it likes
 */
public record LazyRestoreOptions(
        Path file,
        RestoreOptions.Destination destination,
        Optional<PushPolicy> order,
        long maxBandwidthBytesPerSecond,
        boolean resume,
        boolean preempt,
        boolean record,
        Duration faultLatency) {

    /**
     * Checks bandwidth and latency.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public LazyRestoreOptions {
        if (maxBandwidthBytesPerSecond < 0) {
            throw new IllegalArgumentException("a bandwidth is not negative: " + maxBandwidthBytesPerSecond);
        }
        if (faultLatency.isNegative()) {
            throw new IllegalArgumentException("a latency is not negative: " + faultLatency);
        }
    }

    /** The usual: nothing limited, resumed, preempted or recorded. */
    public LazyRestoreOptions(Path file, RestoreOptions.Destination destination) {
        this(file, destination, Optional.empty(), 0, false, false, false, Duration.ZERO);
    }

    /** {@return the same with an order} */
    public LazyRestoreOptions withOrder(PushPolicy policy) {
        return new LazyRestoreOptions(
                file,
                destination,
                Optional.of(policy),
                maxBandwidthBytesPerSecond,
                resume,
                preempt,
                record,
                faultLatency);
    }

    /** {@return the same with a limit of the push} */
    public LazyRestoreOptions withMaxBandwidth(long bytesPerSecond) {
        return new LazyRestoreOptions(file, destination, order, bytesPerSecond, resume, preempt, record, faultLatency);
    }

    /** {@return the same with a latency of requests by which the push is slowed down} */
    public LazyRestoreOptions withFaultLatency(Duration latency) {
        return new LazyRestoreOptions(
                file, destination, order, maxBandwidthBytesPerSecond, resume, preempt, record, latency);
    }

    /** {@return the same for a guest that runs there already} */
    public LazyRestoreOptions resuming() {
        return new LazyRestoreOptions(
                file, destination, order, maxBandwidthBytesPerSecond, true, preempt, record, faultLatency);
    }

    /** {@return the same with a second connection} */
    public LazyRestoreOptions preempting() {
        return new LazyRestoreOptions(
                file, destination, order, maxBandwidthBytesPerSecond, resume, true, record, faultLatency);
    }

    /** {@return the same with a recording} */
    public LazyRestoreOptions recording() {
        return new LazyRestoreOptions(
                file, destination, order, maxBandwidthBytesPerSecond, resume, preempt, true, faultLatency);
    }
}
