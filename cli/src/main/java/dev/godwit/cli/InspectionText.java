package dev.godwit.cli;

import dev.godwit.qemu.Section;
import dev.godwit.qemu.vmstate.DeviceField;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.FieldValue;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.PageCensus.BlockPages;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Trailer;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** An {@link Inspection} for people. */
final class InspectionText {

    private static final int MAX_VALUE_LENGTH = 100;

    private final PrintWriter out;

    InspectionText(PrintWriter out) {
        this.out = out;
    }

    void print(Inspection inspection) {
        if (inspection.fields().isEmpty() && inspection.cpus().isEmpty()) {
            printFile(inspection);
            printBlocks(inspection);
            printDevices(inspection.snapshot().vmState().sections());
        }
        inspection.fields().ifPresent(devices -> devices.forEach(this::printFields));
        inspection.cpus().ifPresent(this::printCpus);
        out.flush();
    }

    private void printFile(Inspection inspection) {
        Snapshot snapshot = inspection.snapshot();
        var configuration = snapshot.vmState().configuration();
        fact("file", snapshot.path().toString());
        fact("kind", inspection.kind());
        snapshot.remarks().forEach(remark -> fact(remark.name(), remark.text()));
        fact(
                "size",
                "%s, %s on disk"
                        .formatted(
                                ByteSize.format(snapshot.lengthBytes()), ByteSize.format(snapshot.allocatedBytes())));
        fact("machine type", configuration.machineType());
        fact(
                "run state",
                inspection
                        .globalState()
                        .map(state -> state.runState() + (state.suspended() ? " (suspended)" : ""))
                        .orElse("not stated"));
        if (!configuration.capabilities().isEmpty()) {
            fact("capabilities", String.join(", ", configuration.capabilities()));
        }
        configuration.uuid().ifPresent(uuid -> fact("uuid", uuid.toString()));
        snapshot.trailer().ifPresent(this::printTrailer);
        inspection
                .recorded()
                .ifPresent(set -> fact(
                        "recorded",
                        "%d pages (%s) that restored guests touched first"
                                .formatted(set.pages().size(), ByteSize.format(set.lengthBytes()))));
        snapshot.trailerDamages().forEach(damage -> fact("damage", damage.describe()));
    }

    private void printTrailer(Trailer trailer) {
        fact(
                "taken",
                trailer.facts().createdAt() + ", " + trailer.facts().mode() + ", from "
                        + trailer.facts().source());
        fact(
                "by",
                "Godwit " + trailer.facts().godwitVersion()
                        + (trailer.facts().qemuVersion().isEmpty()
                                ? ""
                                : ", QEMU " + trailer.facts().qemuVersion())
                        + ", format " + trailer.formatVersion());
        fact("root", "sha256 " + trailer.rootSha256());
    }

    private void fact(String name, String value) {
        out.printf("%-14s %s%n", name, Printable.text(value));
    }

    private void printBlocks(Inspection inspection) {
        boolean census = inspection.census().isPresent();
        TextTable table = census
                ? new TextTable("block", "length", "pages", "present", "zero", "duplicate")
                : new TextTable("block", "length", "pages", "present", "zero");
        List<RamBlock> blocks = inspection.snapshot().layout().blocks();
        for (int index = 0; index < blocks.size(); index++) {
            RamBlock block = blocks.get(index);
            table.row(row(block.id(), block.lengthBytes(), inspection.pages(index), census));
        }
        table.row(row("total", inspection.snapshot().layout().totalBytes(), inspection.totals(), census));
        out.println();
        table.print(out);
    }

    private static String[] row(String name, long lengthBytes, BlockPages pages, boolean census) {
        List<String> cells = new ArrayList<>(List.of(
                name,
                ByteSize.format(lengthBytes),
                Long.toString(lengthBytes / Page.SIZE_BYTES),
                Long.toString(pages.presentPages()),
                Long.toString(pages.zeroPages())));
        if (census) {
            cells.add(Long.toString(pages.duplicatePages()));
        }
        return cells.toArray(String[]::new);
    }

    private void printDevices(List<Section> sections) {
        TextTable table = new TextTable("device", "version", "bytes");
        for (Section section : sections) {
            table.row(
                    section.name(),
                    Integer.toUnsignedString(section.versionId()),
                    Integer.toString(section.payload().length));
        }
        out.println();
        table.print(out);
    }

    private void printFields(DeviceFields device) {
        out.println(Printable.text(device.section().name()) + ", version "
                + Integer.toUnsignedString(device.section().versionId())
                + (device.described() ? "" : ", not described by the file"));
        printFields(device.fields(), "  ");
    }

    private void printFields(List<DeviceField> fields, String indent) {
        for (DeviceField field : fields) {
            String name = indent + Printable.text(field.name());
            if (field.value() instanceof FieldValue.Nested nested) {
                out.println(name);
                printFields(nested.fields(), indent + "  ");
            } else {
                String value = field.value().text();
                out.println(name + " = "
                        + Printable.text(
                                value.length() > MAX_VALUE_LENGTH
                                        ? value.substring(0, MAX_VALUE_LENGTH) + "… (" + field.lengthBytes() + " bytes)"
                                        : value));
            }
        }
    }

    private void printCpus(List<X86Cpu> cpus) {
        if (cpus.isEmpty()) {
            out.println("no x86 CPUs are described in the file");
        }
        for (X86Cpu cpu : cpus) {
            out.println("cpu " + Integer.toUnsignedString(cpu.index()));
            for (X86Cpu.Register register : cpu.registers()) {
                out.printf("  %-12s %016x%n", register.name(), register.value());
            }
            for (X86Cpu.Segment segment : cpu.segments()) {
                out.printf(
                        "  %-12s %04x base %016x limit %08x flags %08x%n",
                        segment.name(), segment.selector(), segment.base(), segment.limit(), segment.flags());
            }
            for (X86Cpu.Vector vector : cpu.vectors()) {
                out.printf("  %-12s %016x%016x%n", vector.name(), vector.high(), vector.low());
            }
        }
    }
}
