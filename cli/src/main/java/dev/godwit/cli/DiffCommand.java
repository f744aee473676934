package dev.godwit.cli;

import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.snapshot.FieldDifference;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.SnapshotDifference;
import dev.godwit.snapshot.SnapshotDifference.SectionDifference;
import dev.godwit.snapshot.StatedFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit diff}. */
@Command(
        name = "diff",
        mixinStandardHelpOptions = true,
        description = "Lists the pages and the device fields that differ between two snapshots.",
        footer = "Exit status: 0 the same, 1 it failed, 2 usage, 3 different.")
final class DiffCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Parameters(
            paramLabel = "A",
            description = "A snapshot, a mapped-ram file, a QEMU migration stream or a saved domain of Xen's.")
    private Path firstPath = Path.of("");

    @Parameters(paramLabel = "B", description = "Another.")
    private Path secondPath = Path.of("");

    @Option(
            names = "--offset",
            paramLabel = "SIZE",
            description = "Where the stream starts in A (QEMU's file:PATH,offset=N), and in B; 0 by default.")
    private ByteCount offset = new ByteCount(0);

    @Option(
            names = "--offset-b",
            paramLabel = "SIZE",
            description = "Where it starts in B, where that is another place.")
    private @Nullable ByteCount offsetB;

    @Option(
            names = "--from",
            paramLabel = "FORMAT",
            description = "What A is, and B, where content does not show it: xen-legacy or xen-seed, with -32 or -64.")
    private @Nullable String from;

    @Option(names = "--from-b", paramLabel = "FORMAT", description = "What B is, where that is something else than A.")
    private @Nullable String fromB;

    @Option(
            names = "--max-ranges",
            paramLabel = "N",
            defaultValue = "1000",
            description = "How many ranges of pages are listed for a block (${DEFAULT-VALUE}); all are counted.")
    private int maxRanges;

    @Override
    public Integer call() throws IOException {
        if (maxRanges < 1) {
            throw common.usage("--max-ranges has to be 1 or more");
        }
        StatedFormat stated = OpenedSnapshot.stated(common, "--from", from);
        StatedFormat statedB = fromB == null ? stated : OpenedSnapshot.stated(common, "--from-b", fromB);
        long startB = (offsetB == null ? offset : offsetB).bytes();
        try (StatusLine progress = common.cancellableProgress();
                Snapshot first = Snapshot.open(firstPath, offset.bytes(), stated, progress);
                Snapshot second = Snapshot.open(secondPath, startB, statedB, progress)) {
            SnapshotDifference difference =
                    SnapshotDifference.between(first, first.vmState(), second, second.vmState(), maxRanges, progress);
            Map<String, List<FieldDifference>> fields = fields(difference, first.vmState(), second.vmState());
            progress.end();
            if (common.json) {
                JsonOutput.print(common.out(), json -> DifferenceJson.write(json, difference, fields));
            } else {
                new DifferenceText(common.out()).print(difference, fields);
            }
            return difference.isEmpty() ? ExitStatus.DONE : ExitStatus.FOUND;
        }
    }

    /** The fields that differ, by the names of the changed sections. */
    private static Map<String, List<FieldDifference>> fields(
            SnapshotDifference difference, VmState first, VmState second) throws IOException {
        Map<String, List<FieldDifference>> fields = new LinkedHashMap<>();
        List<DeviceFields> ones = DeviceFields.of(first);
        List<DeviceFields> others = DeviceFields.of(second);
        for (SectionDifference section : difference.sections()) {
            if (section instanceof SectionDifference.Changed changed) {
                for (DeviceFields one : ones) {
                    for (DeviceFields other : others) {
                        if (one.section().equals(changed.first())
                                && other.section().equals(changed.second())) {
                            fields.put(changed.name(), FieldDifference.between(one, other));
                        }
                    }
                }
            }
        }
        return fields;
    }
}
