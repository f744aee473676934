package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.server.Arguments;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.RefusedCommandException;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadPattern;
import dev.godwit.workload.WorkloadReport;
import dev.godwit.workload.WorkloadStatistics;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The workload machine's own commands: {@code x-godwit-verify} compares every page with what it must hold while the
 * guest stands still for it; {@code x-godwit-load} changes what the vCPUs do, and tells what they have done.
 */
final class WorkloadCommands {

    private static final List<String> PATTERNS = Stream.of(WorkloadPattern.values())
            .map(pattern -> pattern.name().toLowerCase(Locale.ROOT))
            .toList();

    private final GuestHost host;
    private final WorkloadMachine machine;

    WorkloadCommands(GuestHost host, WorkloadMachine machine) {
        this.host = host;
        this.machine = machine;
    }

    List<QmpCommand> all() {
        return List.of(
                QmpCommand.answering("x-godwit-verify", this::verify),
                QmpCommand.answering("x-godwit-load", this::load));
    }

    private JsonValue verify(Arguments arguments) throws RefusedCommandException, ControlException {
        arguments.end();
        WorkloadReport report = host.whilePaused(_ -> machine.verify());
        return JsonObject.empty()
                .with("sound", report.isSound())
                .with("checked-pages", report.checkedPages())
                .with("damaged-pages", report.damagedPages())
                .with(
                        "damages",
                        new JsonArray(report.damages().stream()
                                .<JsonValue>map(damage -> new JsonString(damage.toString()))
                                .toList()));
    }

    private JsonValue load(Arguments arguments) throws RefusedCommandException, ControlException {
        WorkloadLoad now = machine.currentLoad();
        OptionalLong pagesPerSecond = arguments.optionalNumber("pages-per-second");
        Optional<String> pattern = arguments.optionalWord("pattern", PATTERNS);
        OptionalLong workingSetBytes = arguments.optionalNumber("working-set-bytes");
        OptionalLong hotWritePercentage = arguments.optionalNumber("hot-write-percentage");
        OptionalLong hotSetPercentage = arguments.optionalNumber("hot-set-percentage");
        arguments.end();
        try {
            WorkloadLoad next = new WorkloadLoad(
                    pagesPerSecond.orElse(now.pagesPerSecond()),
                    pattern.map(word -> WorkloadPattern.valueOf(word.toUpperCase(Locale.ROOT)))
                            .orElse(now.pattern()),
                    workingSetBytes.orElse(now.workingSetBytes()),
                    Math.toIntExact(hotWritePercentage.orElse(now.hotWritePercentage())),
                    Math.toIntExact(hotSetPercentage.orElse(now.hotSetPercentage())));
            if (!next.equals(now)) {
                machine.change(next);
            }
        } catch (IllegalArgumentException | IllegalStateException | ArithmeticException | IOException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
        return described();
    }

    private JsonObject described() {
        WorkloadLoad load = machine.currentLoad();
        WorkloadStatistics statistics = machine.statistics();
        return JsonObject.empty()
                .with("pages-per-second", load.pagesPerSecond())
                .with("pattern", load.pattern().name().toLowerCase(Locale.ROOT))
                .with("working-set-bytes", load.workingSetBytes())
                .with("hot-write-percentage", load.hotWritePercentage())
                .with("hot-set-percentage", load.hotSetPercentage())
                .with("written-pages", statistics.writtenPages())
                .with("damaged-pages", statistics.damagedPages())
                .with("longest-step-ns", statistics.longestStepNs());
    }
}
