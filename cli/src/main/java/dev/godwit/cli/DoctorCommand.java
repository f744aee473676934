package dev.godwit.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code godwit doctor}. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Says what this host can do, and what is missing for the rest, with the command that mends it.")
final class DoctorCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Option(
            names = "--folder",
            paramLabel = "FOLDER",
            description = "Where snapshots would be kept; the current folder by default.")
    private Path folder = Path.of("");

    @Override
    public Integer call() throws Exception {
        List<Finding> findings = new ArrayList<>();
        findings.addAll(HostChecks.all());
        findings.addAll(QemuChecks.all());
        findings.addAll(FolderChecks.of(folder));
        if (common.json) {
            printJson(findings);
        } else {
            printText(findings);
        }
        return ExitStatus.DONE;
    }

    private void printText(List<Finding> findings) {
        PrintWriter out = common.out();
        for (Finding finding : findings) {
            String mark = switch (finding.state()) {
                case OK -> "ok      ";
                case LIMITED -> "limited ";
                case MISSING -> "missing ";
            };
            out.println(mark + Printable.text(finding.text()));
            finding.remedy().ifPresent(remedy -> out.println("          → " + Printable.text(remedy)));
        }
        out.flush();
    }

    private void printJson(List<Finding> findings) {
        JsonOutput.print(common.out(), json -> {
            json.writeArrayPropertyStart("findings");
            for (Finding finding : findings) {
                json.writeStartObject();
                json.writeStringProperty("name", finding.name());
                json.writeStringProperty("state", finding.state().name());
                json.writeStringProperty("text", finding.text());
                finding.remedy().ifPresent(remedy -> json.writeStringProperty("remedy", remedy));
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }
}
