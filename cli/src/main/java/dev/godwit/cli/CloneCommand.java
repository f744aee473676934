package dev.godwit.cli;

import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.operations.CloneControl;
import dev.godwit.operations.CloneOptions;
import dev.godwit.operations.Clones;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.transport.MigrationUri;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit clone}. */
@Command(
        name = "clone",
        mixinStandardHelpOptions = true,
        description = {
            "Brings many guests up from one snapshot at once, each into a QEMU that was started with -incoming defer.",
            "Ends when each has all of its RAM, has failed, or its QEMU has ended. One that fails takes no other along."
        })
final class CloneCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Parameters(paramLabel = "FILE", description = "A snapshot, a mapped-ram file or a classic QEMU stream.")
    private Path file = Path.of("");

    @Option(
            names = "--qmp",
            required = true,
            paramLabel = "SOCKET",
            description = "The QMP socket of a QEMU that was started with -incoming defer. Once for each clone.")
    private List<QmpAddress> destinations = new ArrayList<>();

    @Option(
            names = "--push",
            paramLabel = "BUDGET",
            description =
                    "How much RAM is pushed that a guest has not asked for: ${COMPLETION-CANDIDATES}. With none, a"
                            + " clone holds what it has touched and no more, and trickle adds 1 MiB a second. Default: full.")
    private @Nullable Residency push;

    @Option(
            names = "--control",
            paramLabel = "URI",
            description = "Listen here for 'godwit clones', which shows how they stand and changes the budget.")
    private @Nullable MigrationUri control;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description = "In which order RAM is pushed: ${COMPLETION-CANDIDATES}.")
    private @Nullable PushPolicy order;

    @Option(
            names = "--max-bandwidth",
            paramLabel = "SIZE",
            description = "Bytes a second that are pushed at most, to all of them together. Shared equally.")
    private @Nullable ByteCount maxBandwidth;

    @Option(
            names = "--fault-latency",
            paramLabel = "TIME",
            description = "Slow a clone's push down while pages that its guest waits for are sent later than this.")
    private @Nullable Latency faultLatency;

    @Option(names = "--preempt", description = "Send the pages that guests wait for over second connections.")
    private boolean preempt;

    @Option(names = "--resume", description = "The guests run there already, and have lost the godwit that sent RAM.")
    private boolean resume;

    @Option(
            names = "--map",
            description = "Send no page of the RAM that the QEMUs have mapped from FILE (restore --print-qemu-args).")
    private boolean map;

    @Option(names = "--verify", description = "With --map: hold every page of FILE against its checksum first.")
    private boolean verify;

    @Override
    public Integer call() throws Exception {
        CloneOptions options = options();
        Clones.Result result;
        try (StatusLine progress = common.progress();
                Clones clones = new Clones(options, progress);
                CloneControl _ = CloneControl.open(Optional.ofNullable(control), clones);
                Interruption.Registration _ = common.interruption().register(clones)) {
            result = clones.run();
        }
        if (common.json) {
            CloneOutput.printJson(common.out(), result);
        } else {
            CloneOutput.printText(common.out(), result);
        }
        return result.isGood() ? ExitStatus.DONE : ExitStatus.FAILED;
    }

    private CloneOptions options() {
        if (verify && !map) {
            throw common.usage("--verify goes with --map; else each page is checked before it is sent");
        }
        boolean paged = push != null || order != null || maxBandwidth != null || faultLatency != null;
        if (map && (paged || preempt || resume)) {
            throw common.usage(
                    "--push, --order, --max-bandwidth, --fault-latency, --preempt and --resume do not go with"
                            + " --map: the kernel brings the pages");
        }
        try {
            return new CloneOptions(
                    file,
                    destinations,
                    map
                            ? new CloneOptions.Way.Mapped(verify)
                            : new CloneOptions.Way.Lazy(
                                    push == null ? Residency.FULL : push,
                                    Optional.ofNullable(order),
                                    maxBandwidth == null ? 0 : maxBandwidth.bytes(),
                                    faultLatency == null ? Duration.ZERO : faultLatency.time(),
                                    preempt,
                                    resume));
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
    }
}
