package dev.godwit.operations;

import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.qmp.QmpAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * What to clone, and into what.
 *
 * @param file a snapshot of any format that Godwit reads
 * @param destinations the control sockets of the QEMUs, each started with {@code -incoming defer}
 * @param way how the guests come
 */
public record CloneOptions(Path file, List<QmpAddress> destinations, Way way) {

    /** How the guests come. */
    public sealed interface Way {

        /**
         * Each runs at once, and gets its pages over a connection.
         *
         * @param residency how much is pushed that a guest has not asked for; can be changed later
         * @param order of the push; empty for recorded where there is a recording, and fault-forward otherwise
         * @param maxBandwidthBytesPerSecond the limit of all pushes together, shared equally, 0 for none
         * @param faultLatency for how long a page that is asked for may wait before that guest's push is slowed down;
         *     zero for as long as it likes
         * @param preempt whether what is asked for travels over a connection of its own
         * @param resume whether the guests run there already and have lost their source
         */
        record Lazy(
                Residency residency,
                Optional<PushPolicy> order,
                long maxBandwidthBytesPerSecond,
                Duration faultLatency,
                boolean preempt,
                boolean resume)
                implements Way {

            /**
             * Checks bandwidth and latency.
             *
             * @throws IllegalArgumentException if one is negative
             */
            public Lazy {
                if (maxBandwidthBytesPerSecond < 0 || faultLatency.isNegative()) {
                    throw new IllegalArgumentException("negative: maxBandwidthBytesPerSecond=%d, faultLatency=%s"
                            .formatted(maxBandwidthBytesPerSecond, faultLatency));
                }
            }

            /** Nothing limited, preempted or resumed. */
            public Lazy(Residency residency) {
                this(residency, Optional.empty(), 0, Duration.ZERO, false, false);
            }
        }

        /**
         * Each has the snapshot mapped as its RAM ({@link MappedArguments}).
         *
         * @param verify whether all of the file is verified first, once
         */
        record Mapped(boolean verify) implements Way {}
    }

    /**
     * Copies the list.
     *
     * @throws IllegalArgumentException if it is empty, or has one twice
     */
    public CloneOptions {
        destinations = List.copyOf(destinations);
        if (destinations.isEmpty() || new LinkedHashSet<>(destinations).size() != destinations.size()) {
            throw new IllegalArgumentException("clones need one control socket each: " + destinations);
        }
    }
}
