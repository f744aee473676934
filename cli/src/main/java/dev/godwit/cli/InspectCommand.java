package dev.godwit.cli;

import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.GlobalState;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.snapshot.PageCensus;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit inspect}. */
@Command(name = "inspect", mixinStandardHelpOptions = true, description = "Shows what is in a snapshot.")
final class InspectCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Mixin
    private OpenedSnapshot opening = new OpenedSnapshot();

    @Parameters(
            paramLabel = "FILE",
            description = "A snapshot, a mapped-ram file, a QEMU migration stream or a saved domain of Xen's.")
    private Path path = Path.of("");

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description = "Show the fields of the devices of this name, as the vmdescription reads them.")
    private @Nullable String device;

    @Option(names = "--cpus", description = "Show the registers of the CPUs.")
    private boolean cpus;

    @Option(names = "--duplicates", description = "Read all pages, and count those that are zero or that occur twice.")
    private boolean duplicates;

    @Override
    public Integer call() throws IOException {
        try (StatusLine progress = common.cancellableProgress();
                Snapshot snapshot = opening.open(path, common, progress)) {
            Optional<List<PageCensus.BlockPages>> census =
                    duplicates ? Optional.of(PageCensus.of(snapshot, progress)) : Optional.empty();
            List<DeviceFields> devices = DeviceFields.of(snapshot.vmState());
            Inspection inspection = new Inspection(
                    snapshot,
                    GlobalState.of(snapshot.vmState().sections()),
                    WorkingSet.of(snapshot),
                    census,
                    device == null ? Optional.empty() : Optional.of(named(devices, device)),
                    cpus ? Optional.of(X86Cpu.of(devices)) : Optional.empty());
            progress.end();
            if (common.json) {
                JsonOutput.print(common.out(), json -> InspectionJson.write(json, inspection));
            } else {
                new InspectionText(common.out()).print(inspection);
            }
        }
        return ExitStatus.DONE;
    }

    private List<DeviceFields> named(List<DeviceFields> devices, String name) throws IOException {
        List<DeviceFields> found = devices.stream()
                .filter(fields -> fields.section().name().equals(name)
                        || fields.section().idstr().equals(name))
                .toList();
        if (found.isEmpty()) {
            throw new IOException(path + ": has no device " + name + "; without --device, 'godwit inspect' lists them");
        }
        return found;
    }
}
