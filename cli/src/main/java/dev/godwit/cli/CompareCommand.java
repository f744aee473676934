package dev.godwit.cli;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationReport.Round;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.host.RamBacking;
import dev.godwit.operations.machine.ComparePolicies;
import dev.godwit.operations.machine.PolicyRun;
import dev.godwit.transport.ByteSize;
import dev.godwit.workload.WorkloadOptions;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code godwit compare}. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Migrates the same workload machine by one policy after the other, in this process, and shows how it went.",
            "A machine of the same seed writes the same pages in the same order, at the rate that is asked for."
        },
        footer = "Exit status: 0 all arrived and every page was right, 1 it failed, 2 usage, 3 one did not end.")
final class CompareCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Mixin
    private WorkloadArguments workload = new WorkloadArguments();

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            split = ",",
            defaultValue = "qemu,brief,xen",
            description = "Which ones (${DEFAULT-VALUE}).")
    private List<String> policies = List.of();

    @Option(names = "--ram", paramLabel = "SIZE", description = "RAM of the machine, 256M by default.")
    private ByteCount ram = new ByteCount(256L << 20);

    @Option(names = "--vcpus", paramLabel = "N", defaultValue = "1", description = "vCPUs (${DEFAULT-VALUE}).")
    private int vcpus;

    @Option(names = "--max-bandwidth", paramLabel = "SIZE", description = "Bytes a second at most; 0 for no limit.")
    private ByteCount maxBandwidth = new ByteCount(128L << 20);

    @Option(names = "--downtime-limit", paramLabel = "MS", description = "How long the guest may stand still.")
    private @Nullable Integer downtimeLimitMs;

    @Option(names = "--warm-up", paramLabel = "MS", defaultValue = "500", description = "Before (${DEFAULT-VALUE}).")
    private int warmUpMs;

    @Option(
            names = "--longest",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "After so long a migration is cancelled (${DEFAULT-VALUE}).")
    private int longestSeconds;

    @Override
    public Integer call() throws IOException, ControlException {
        if (vcpus < 1 || warmUpMs < 0 || longestSeconds < 1) {
            throw common.usage("--vcpus and --longest have to be 1 or more, --warm-up 0 or more");
        }
        refuseUnknown();
        WorkloadOptions guest;
        try {
            guest = workload.options(ram.bytes(), vcpus, RamBacking.ANONYMOUS, Optional.empty());
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
        List<PolicyRun> runs;
        try (StatusLine progress = common.cancellableProgress()) {
            runs = new ComparePolicies(
                            guest,
                            parameters(),
                            Duration.ofMillis(warmUpMs),
                            Duration.ofSeconds(longestSeconds),
                            progress)
                    .run(policies);
            progress.end();
        }
        if (common.json) {
            writeJson(runs);
        } else {
            print(runs);
        }
        return runs.stream().allMatch(PolicyRun::soundAtDestination) ? ExitStatus.DONE : ExitStatus.FOUND;
    }

    /** Before the first one is migrated, which takes its time. */
    private void refuseUnknown() {
        if (MigrationParameter.X_POLICY.kind() instanceof MigrationParameter.Kind.Word(String _, List<String> words)
                && !words.containsAll(policies)) {
            throw common.usage(
                    "--policy takes %s, not %s".formatted(String.join(", ", words), String.join(",", policies)));
        }
    }

    private Map<MigrationParameter, Object> parameters() {
        Map<MigrationParameter, Object> parameters = new EnumMap<>(MigrationParameter.class);
        parameters.put(MigrationParameter.MAX_BANDWIDTH, maxBandwidth.bytes());
        if (downtimeLimitMs != null) {
            parameters.put(MigrationParameter.DOWNTIME_LIMIT, (long) downtimeLimitMs);
        }
        return parameters;
    }

    private void print(List<PolicyRun> runs) {
        TextTable table = new TextTable(
                "policy", "rounds", "pages sent", "skipped", "sent", "guest stood still", "total time", "pages");
        for (PolicyRun run : runs) {
            MigrationReport report = run.report();
            boolean completed = report.status() == MigrationStatus.COMPLETED;
            table.row(
                    run.policy(),
                    Integer.toString(report.rounds().size()),
                    Long.toString(sum(report, Round::sentPages)),
                    Long.toString(sum(report, Round::skippedPages)),
                    ByteSize.format(report.ram()
                            .map(MigrationReport.Ram::transferredBytes)
                            .orElse(0L)),
                    completed ? ms(report.downtimeMs().orElse(0)) : "-",
                    ms(report.totalTimeMs().orElse(0)) + (completed ? "" : ", not ended"),
                    run.soundAtDestination() ? "all right" : completed ? "WRONG" : "-");
        }
        table.print(common.out());
        common.out().flush();
    }

    private static String ms(long ms) {
        return Durations.text(Duration.ofMillis(ms));
    }

    private static long sum(MigrationReport report, ToLongFunction<Round> figure) {
        return report.rounds().stream().mapToLong(figure).sum();
    }

    private void writeJson(List<PolicyRun> runs) {
        JsonOutput.print(common.out(), json -> {
            json.writeArrayPropertyStart("policies");
            for (PolicyRun run : runs) {
                MigrationReport report = run.report();
                json.writeStartObject();
                json.writeStringProperty("policy", run.policy());
                json.writeStringProperty("status", report.status().word());
                json.writeNumberProperty("rounds", report.rounds().size());
                json.writeNumberProperty("sentPages", sum(report, Round::sentPages));
                json.writeNumberProperty("skippedPages", sum(report, Round::skippedPages));
                json.writeNumberProperty(
                        "sentBytes",
                        report.ram().map(MigrationReport.Ram::transferredBytes).orElse(0L));
                report.downtimeMs().ifPresent(value -> json.writeNumberProperty("downtimeMs", value));
                report.totalTimeMs().ifPresent(value -> json.writeNumberProperty("totalMs", value));
                json.writeBooleanProperty("soundAtDestination", run.soundAtDestination());
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }
}
