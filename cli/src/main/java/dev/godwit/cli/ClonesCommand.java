package dev.godwit.cli;

import dev.godwit.engine.postcopy.Residency;
import dev.godwit.operations.CloneControl;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.transport.ByteSize;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code godwit clones}. */
@Command(
        name = "clones",
        mixinStandardHelpOptions = true,
        description = {
            "Shows how the clones of a running 'godwit clone --control' stand, and changes how much is pushed to them."
        })
final class ClonesCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Option(names = "--control", required = true, paramLabel = "SOCKET", description = "Where that godwit listens.")
    private QmpAddress control = new QmpAddress.Unix(Path.of(""));

    @Option(
            names = "--push",
            paramLabel = "BUDGET",
            description = "Change how much RAM is pushed that a guest has not asked for: ${COMPLETION-CANDIDATES}.")
    private @Nullable Residency push;

    @Option(
            names = "--qmp",
            paramLabel = "SOCKET",
            description = "For the clone of this QMP socket, as it was given to 'godwit clone'; for all otherwise.")
    private @Nullable QmpAddress clone;

    @Override
    public Integer call() throws Exception {
        if (clone != null && push == null) {
            throw common.usage("--qmp says for which clone --push is");
        }
        JsonObject answer;
        try (QmpClient client = QmpClient.connect(control)) {
            if (push != null) {
                JsonObject arguments = JsonObject.of("push", push.optionName());
                client.execute(
                        CloneControl.PUSH, clone == null ? arguments : arguments.with("clone", clone.toString()));
            }
            answer = client.execute(CloneControl.QUERY);
        }
        if (common.json) {
            common.out().println(answer);
        } else {
            print(answer.array("clones").orElse(List.of()));
        }
        common.out().flush();
        return ExitStatus.DONE;
    }

    private void print(List<JsonValue> clones) {
        TextTable table = new TextTable("clone", "state", "push", "asked for", "pushed");
        for (JsonValue each : clones) {
            if (each instanceof JsonObject status) {
                table.row(
                        status.text("clone").orElse(""),
                        status.text("state").orElse(""),
                        status.text("push").orElse(""),
                        status.wholeNumber("requests").orElse(0) + " pages, "
                                + ByteSize.format(
                                        status.wholeNumber("requested-bytes").orElse(0)),
                        ByteSize.format(status.wholeNumber("pushed-bytes").orElse(0)));
            }
        }
        table.print(common.out());
    }
}
