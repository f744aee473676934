package dev.godwit.cli;

import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.operations.LazyRestoreOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a lazy restore. Used as a mixin. */
final class LazyArguments {

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description = "In which order RAM is pushed that nobody has asked for: ${COMPLETION-CANDIDATES}."
                    + " Default: recorded where there is a recording, else fault-forward.")
    private @Nullable PushPolicy order;

    @Option(
            names = "--resume",
            description = "The guest runs there already, and has lost the godwit that sent its RAM: go on with that.")
    private boolean resume;

    @Option(
            names = "--preempt",
            description = "Send the pages that the guest waits for over a second connection."
                    + " With --to, the QEMU needs the capability postcopy-preempt.")
    private boolean preempt;

    @Option(
            names = "--record",
            description = "Keep which pages the guest asked for, in FILE.touched, for --order recorded.")
    private boolean record;

    @Option(
            names = "--fault-latency",
            paramLabel = "TIME",
            description = "Slow the push down while pages that the guest waits for are sent later than this, for"
                    + " example 2ms or 500us.")
    private @Nullable Latency faultLatency;

    LazyRestoreOptions options(Path file, Destination destination, long maxBandwidthBytesPerSecond) {
        return new LazyRestoreOptions(
                file,
                destination,
                Optional.ofNullable(order),
                maxBandwidthBytesPerSecond,
                resume,
                preempt,
                record,
                faultLatency == null ? Duration.ZERO : faultLatency.time());
    }

    /** None of them means anything where RAM is sent first. */
    void refuseWithEager(CommonOptions common) {
        if (order != null || resume || preempt || record || faultLatency != null) {
            throw common.usage(
                    "--order, --resume, --preempt, --record and --fault-latency do not go with --eager" + " or --map");
        }
    }
}
