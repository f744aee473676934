package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.snapshot.VerificationReport;
import dev.godwit.snapshot.VerificationReport.Scope;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit verify}. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = {
            "Checks every byte of a snapshot against its recorded checksums and names what is damaged.",
            "Of a file without Godwit's trailer only the structure can be checked, and it says so."
        },
        footer = "Exit status: 0 whole, 1 it could not be checked, 2 usage, 3 damaged.")
final class VerifyCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Mixin
    private OpenedSnapshot opening = new OpenedSnapshot();

    @Parameters(
            paramLabel = "FILE",
            description = "A snapshot, a mapped-ram file, a QEMU migration stream or a saved domain of Xen's.")
    private Path path = Path.of("");

    @Option(
            names = "--max-damages",
            paramLabel = "N",
            defaultValue = "100000",
            description = "How many damages are listed at most (${DEFAULT-VALUE}); all are counted.")
    private int maxDamages;

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (maxDamages < 1) {
            throw common.usage("--max-damages has to be 1 or more");
        }
        VerificationReport report;
        try (StatusLine progress = common.cancellableProgress()) {
            report = Verification.of(path, opening.startBytes(), opening.format(common), progress, maxDamages);
        }
        DamageList damages = new DamageList(report, report.isWhole() ? Optional.empty() : map());
        if (common.json) {
            printJson(report, damages);
        } else {
            printText(report, damages);
        }
        return report.isWhole() ? ExitStatus.DONE : ExitStatus.FOUND;
    }

    /** The map of the machine, if the file is whole enough to tell it. */
    private Optional<MachineMemoryMap> map() throws IOException {
        try (Snapshot snapshot = opening.open(path, common, Progress.NONE)) {
            return Optional.of(
                    MachineMemoryMap.of(snapshot.vmState().configuration().machineType(), snapshot.layout()));
        } catch (StreamFormatException _) {
            return Optional.empty();
        }
    }

    private void printText(VerificationReport report, DamageList damages) {
        PrintWriter out = common.out();
        damages.lines().forEach(line -> out.println(Printable.text(line)));
        if (report.damageCount() > report.damages().size()) {
            out.println("… and " + (report.damageCount() - report.damages().size()) + " more (--max-damages)");
        }
        String name = Printable.text(path.toString());
        switch (report.scope()) {
            case EVERY_BYTE ->
                out.println(
                        report.isWhole()
                                ? name + ": whole, " + report.checkedPages() + " pages checked"
                                : name + ": DAMAGED, " + report.damagedPages() + " of " + report.presentPages()
                                        + " pages, " + report.damageCount() + " damages in all");
            case STRUCTURE ->
                out.println(name
                        + (report.isWhole()
                                ? ": the structure is sound; "
                                : ": DAMAGED, " + report.damageCount() + " damages in its structure; ")
                        + "without Godwit's trailer the content of its " + report.presentPages()
                        + " pages cannot be checked");
        }
        out.flush();
    }

    private void printJson(VerificationReport report, DamageList damages) {
        JsonOutput.print(common.out(), json -> {
            json.writeStringProperty("file", path.toString());
            json.writeStringProperty("kind", report.kind().name());
            json.writeBooleanProperty("whole", report.isWhole());
            json.writeStringProperty("scope", report.scope() == Scope.EVERY_BYTE ? "every-byte" : "structure");
            json.writeNumberProperty("presentPages", report.presentPages());
            json.writeNumberProperty("checkedPages", report.checkedPages());
            json.writeNumberProperty("damagedPages", report.damagedPages());
            json.writeNumberProperty("damageCount", report.damageCount());
            damages.write(json);
        });
    }
}
