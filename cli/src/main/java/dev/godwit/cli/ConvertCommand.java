package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.qemu.OutgoingPrecopy;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.StatedFormat;
import dev.godwit.snapshot.UnmarkedRam;
import dev.godwit.snapshot.export.ElfCore;
import dev.godwit.snapshot.export.ExportFile;
import dev.godwit.snapshot.export.RawExport;
import dev.godwit.snapshot.export.SnapshotCopy;
import dev.godwit.snapshot.export.XenExport;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit convert}. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = "Changes the format of a snapshot. What is at OUT appears when it is whole.")
final class ConvertCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Mixin
    private OpenedSnapshot opening = new OpenedSnapshot();

    @Parameters(
            paramLabel = "IN",
            description = "A snapshot, a mapped-ram file, a QEMU migration stream or a saved domain of Xen's.")
    private Path in = Path.of("");

    @Parameters(paramLabel = "OUT", description = "The file to write; a folder for raw without --block.")
    private Path out = Path.of("");

    @Option(
            names = "--to",
            required = true,
            paramLabel = "FORMAT",
            description = {
                "mapped-ram (a Godwit snapshot), qemu (a classic migration stream), raw, elf (a core file), xen-v3 (Xen"
                        + " 4.6 and later), xen-legacy (Xen until 4.5), xen-seed (Xen's saver of April 2007); the last"
                        + " two with -32 for words of 32 bits."
            })
    private String to = "";

    @Option(names = "--block", paramLabel = "ID", description = "With raw: the one block to write.")
    private @Nullable String block;

    @Option(
            names = "--drop",
            paramLabel = "NAME",
            split = ",",
            description = "With Xen's formats: leave out a part of a saved domain that FORMAT has no place for.")
    private List<String> left = List.of();

    @Option(
            names = "--repair",
            description = "Take the pages of a file whose bitmaps QEMU's background-snapshot left empty.")
    private boolean repair;

    @Option(names = "--force", description = "Replace OUT.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        checkUsage();
        if (!force && Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
            throw new FileAlreadyExistsException(out.toString(), null, "is there already; --force replaces it");
        }
        try (StatusLine progress = common.cancellableProgress();
                Snapshot snapshot = opening.open(in, common, progress)) {
            boolean unmarked = UnmarkedRam.isCase(snapshot);
            if (repair && !unmarked) {
                throw new IOException(
                        in + ": there is nothing to repair: its bitmaps are not empty, or no pages are there");
            }
            if (unmarked && !repair) {
                throw new IOException(in + ": no page is marked as present and yet there are pages, as QEMU's"
                        + " background-snapshot with mapped-ram leaves it; --repair takes them");
            }
            if (repair) {
                try (UnmarkedRam ram = UnmarkedRam.open(snapshot)) {
                    convert(ram, snapshot, progress);
                }
            } else {
                convert(snapshot, snapshot, progress);
            }
        }
        report();
        return ExitStatus.DONE;
    }

    private void checkUsage() {
        switch (to) {
            case "mapped-ram", "qemu", "raw", "elf" -> {
                if (!left.isEmpty()) {
                    throw common.usage("--drop goes with Xen's formats only");
                }
            }
            default -> {
                if (StatedFormat.named(to).isEmpty()) {
                    throw common.usage("--to %s is no format: mapped-ram, qemu, raw, elf, %s are"
                            .formatted(to, String.join(", ", StatedFormat.allWords())));
                }
            }
        }
        if (block != null && !to.equals("raw")) {
            throw common.usage("--block goes with --to raw only");
        }
    }

    private void convert(RamSource ram, Snapshot snapshot, Progress progress) throws IOException {
        switch (to) {
            case "mapped-ram" -> SnapshotCopy.write(ram, snapshot.vmState(), out, facts(), progress);
            case "qemu" -> toStream(ram, snapshot.vmState(), progress);
            case "raw" -> toRaw(ram, progress);
            case "elf" -> toElf(ram, snapshot.vmState(), progress);
            default -> toXen(ram, snapshot.vmState(), progress);
        }
    }

    private void toXen(RamSource ram, VmState state, Progress progress) throws IOException {
        XenExport export = new XenExport(StatedFormat.named(to).orElseThrow(), Set.copyOf(left), progress);
        checkLeft(export.withoutPlace(ram, state));
        try (ExportFile file = ExportFile.create(out, force)) {
            export.write(ram, state, file.appending());
            file.commit();
        }
    }

    /** Nothing is left out that was not named. */
    private void checkLeft(List<String> withoutPlace) throws IOException {
        List<String> open =
                withoutPlace.stream().filter(name -> !left.contains(name)).toList();
        if (!open.isEmpty()) {
            throw new IOException("%s: %s has no place for %s; --drop %s leaves it out"
                    .formatted(in, to, String.join(", ", open), String.join(",", open)));
        }
    }

    private CreationFacts facts() {
        return new CreationFacts(Instant.now(), Godwit.VERSION, "", "convert", "file:" + in);
    }

    private void toStream(RamSource ram, VmState state, Progress progress) throws IOException {
        try (ExportFile file = ExportFile.create(out, force)) {
            new OutgoingPrecopy(ram, state).progress(progress).send(file.appending());
            file.commit();
        }
    }

    private void toRaw(RamSource ram, Progress progress) throws IOException {
        if (block == null) {
            RawExport.writeAll(ram, out, force, progress);
            return;
        }
        int index = ram.layout().indexOf(block);
        if (index < 0) {
            throw new IOException(in + ": has no block " + block + "; 'godwit inspect' lists them");
        }
        RawExport.writeBlock(ram, index, out, force, progress);
    }

    private void toElf(RamSource ram, VmState state, Progress progress) throws IOException {
        String machineType = state.configuration().machineType();
        MachineMemoryMap map = MachineMemoryMap.of(machineType, ram.layout());
        if (map.ranges().isEmpty()) {
            throw new IOException(in + ": where the memory of machine type " + machineType
                    + " lies is not known, so no core file can be made; --to raw writes its blocks");
        }
        List<X86Cpu> cpus = X86Cpu.of(DeviceFields.of(state));
        try (ExportFile file = ExportFile.create(out, force)) {
            new ElfCore(ram, map, cpus).write(file, progress);
            file.commit();
        }
    }

    private void report() {
        if (common.json) {
            JsonOutput.print(common.out(), json -> {
                json.writeStringProperty("in", in.toString());
                json.writeStringProperty("out", out.toString());
                json.writeStringProperty("format", to);
                json.writeBooleanProperty("repaired", repair);
            });
        } else {
            common.out().println(Printable.text(out.toString()) + ": written as " + to + (repair ? ", repaired" : ""));
            common.out().flush();
        }
    }
}
