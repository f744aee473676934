package dev.godwit.cli;

import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.qmp.QmpAddress;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit snapshot}. */
@Command(
        name = "snapshot",
        mixinStandardHelpOptions = true,
        description = {
            "Takes a snapshot of a running QEMU, through its QMP socket, into one file.",
            "QEMU's capabilities, parameters and run state are afterwards as they were."
        })
final class SnapshotCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Parameters(
            paramLabel = "FILE",
            description = "The snapshot; an earlier one is replaced when the new one is whole.")
    private Path file = Path.of("");

    @Option(
            names = "--qmp",
            required = true,
            paramLabel = "SOCKET",
            description = "QEMU's QMP socket: unix:PATH or PATH.")
    private QmpAddress qmp = new QmpAddress.Unix(Path.of(""));

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = {
                "background: the guest runs on, the snapshot is that of the start (default);",
                "live: the guest runs on until the last pages, the snapshot is that of the end;",
                "stop: the guest is stopped for the whole time."
            })
    private SnapshotMode mode = SnapshotMode.BACKGROUND;

    @Option(
            names = "--after",
            paramLabel = "WHAT",
            description = "resume (default): the guest is as it was; stay: it stays stopped; quit: its QEMU quits.")
    private AfterSnapshot after = AfterSnapshot.RESUME;

    @Option(
            names = "--max-bandwidth",
            paramLabel = "SIZE",
            description = "Bytes a second at most, in the mode live; none by default.")
    private ByteCount maxBandwidth = new ByteCount(0);

    @Override
    public Integer call() throws Exception {
        TakeSnapshotOptions options = options();
        TakeSnapshotResult result;
        try (StatusLine progress = common.progress();
                TakeSnapshot snapshot = new TakeSnapshot(options, progress);
                Interruption.Registration _ = common.interruption().register(snapshot)) {
            result = snapshot.run();
        }
        if (common.json) {
            printJson(result);
        } else {
            printText(result);
        }
        return ExitStatus.DONE;
    }

    private TakeSnapshotOptions options() {
        try {
            return new TakeSnapshotOptions(file, qmp, mode, after, maxBandwidth.bytes());
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
    }

    private void printText(TakeSnapshotResult result) {
        PrintWriter out = common.out();
        out.println(Printable.text(result.file().toString()) + ": whole and synced, taken in "
                + Durations.text(result.total()) + " (" + result.mode().optionName() + ")");
        out.println(result.guestPause()
                .map(pause -> "the guest stood still for " + Durations.text(pause))
                .orElse(
                        switch (after) {
                            case RESUME -> "the guest was not running, and is as it was";
                            case STAY -> "the guest is stopped at the instant of the snapshot";
                            case QUIT -> "QEMU was told to quit";
                        }));
        result.writeFaults().ifPresent(faults -> out.println(slowdown(faults)));
        out.flush();
    }

    private static String slowdown(WriteFaultReport faults) {
        return faults.faults() == 0
                ? "no write of the guest had to wait"
                : "%d writes of the guest waited, for %s in all: half of them less than %s, the longest %s"
                        .formatted(
                                faults.faults(),
                                Durations.text(Duration.ofNanos(faults.totalNs())),
                                Durations.text(Duration.ofNanos(faults.quantileNs(0.5))),
                                Durations.text(Duration.ofNanos(faults.longestNs())));
    }

    private void printJson(TakeSnapshotResult result) {
        JsonOutput.print(common.out(), json -> {
            json.writeStringProperty("file", result.file().toString());
            json.writeStringProperty("mode", result.mode().optionName());
            json.writeStringProperty("after", after.name().toLowerCase(Locale.ROOT));
            json.writeNumberProperty("totalMs", result.total().toMillis());
            result.guestPause().ifPresent(pause -> json.writeNumberProperty("guestPauseUs", pause.toNanos() / 1000));
            result.writeFaults().ifPresent(faults -> {
                json.writeObjectPropertyStart("writeFaults");
                json.writeNumberProperty("count", faults.faults());
                json.writeNumberProperty("threads", faults.threads());
                json.writeNumberProperty("totalUs", faults.totalNs() / 1000);
                json.writeNumberProperty("longestUs", faults.longestNs() / 1000);
                json.writeNumberProperty("longestThreadUs", faults.longestThreadNs() / 1000);
                json.writeArrayPropertyStart("histogram");
                faults.histogram().forEach(json::writeNumber);
                json.writeEndArray();
                json.writeEndObject();
            });
        });
    }
}
