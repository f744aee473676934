package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.DirtyRateReport;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** {@code calc-dirty-rate} and {@code query-dirty-rate}, whose times are in seconds unless told otherwise. */
final class DirtyRateCommands {

    private static final String MILLISECOND = "millisecond";
    private static final List<String> UNITS = List.of("second", MILLISECOND);
    private static final List<String> MODES = List.of("page-sampling", "dirty-ring", "dirty-bitmap");

    private final MachineControl control;

    DirtyRateCommands(MachineControl control) {
        this.control = control;
    }

    List<QmpCommand> all() {
        return List.of(
                QmpCommand.doing("calc-dirty-rate", this::calculate),
                QmpCommand.answering("query-dirty-rate", this::query));
    }

    private void calculate(Arguments arguments) throws RefusedCommandException, ControlException {
        long time = arguments.number("calc-time");
        boolean milliseconds = arguments
                .optionalWord("calc-time-unit", UNITS)
                .filter(MILLISECOND::equals)
                .isPresent();
        OptionalLong samplePages = arguments.optionalNumber("sample-pages");
        Optional<String> mode = arguments.optionalWord("mode", MODES);
        arguments.end();
        long timeMs = milliseconds ? time : 1000L * Math.clamp(time, -1, Integer.MAX_VALUE);
        control.calcDirtyRate(timeMs, mode, samplePages);
    }

    private JsonValue query(Arguments arguments) throws RefusedCommandException {
        String unit = arguments.optionalWord("calc-time-unit", UNITS).orElse("second");
        arguments.end();
        DirtyRateReport report = control.dirtyRate();
        JsonObject answer = JsonObject.of("status", report.status())
                .with("sample-pages", report.samplePages())
                .with("mode", report.mode())
                .with("calc-time-unit", unit)
                .with("start-time", report.startTimeSeconds())
                .with("calc-time", unit.equals(MILLISECOND) ? report.calcTimeMs() : report.calcTimeMs() / 1000);
        return report.dirtyRateMebibytesPerSecond().isPresent()
                ? answer.with("dirty-rate", report.dirtyRateMebibytesPerSecond().getAsLong())
                : answer;
    }
}
