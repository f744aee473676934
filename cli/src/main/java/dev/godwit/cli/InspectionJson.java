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
import java.math.BigInteger;
import java.util.List;
import tools.jackson.core.JsonGenerator;

/** An {@link Inspection} as JSON. Values of 64 bits that are no quantities are text, in hexadecimal. */
final class InspectionJson {

    private InspectionJson() {}

    static void write(JsonGenerator json, Inspection inspection) {
        Snapshot snapshot = inspection.snapshot();
        json.writeStringProperty("file", snapshot.path().toString());
        json.writeStringProperty("kind", snapshot.kind().name());
        snapshot.remarks().forEach(remark -> json.writeStringProperty(remark.name(), remark.text()));
        var configuration = snapshot.vmState().configuration();
        json.writeStringProperty("machineType", configuration.machineType());
        json.writeArrayPropertyStart("capabilities");
        configuration.capabilities().forEach(json::writeString);
        json.writeEndArray();
        configuration.uuid().ifPresent(uuid -> json.writeStringProperty("uuid", uuid.toString()));
        inspection.globalState().ifPresent(state -> {
            json.writeStringProperty("runState", state.runState());
            json.writeBooleanProperty("suspended", state.suspended());
        });
        json.writeNumberProperty("lengthBytes", snapshot.lengthBytes());
        json.writeNumberProperty("allocatedBytes", snapshot.allocatedBytes());
        snapshot.trailer().ifPresent(trailer -> trailer(json, trailer));
        inspection
                .recorded()
                .ifPresent(set ->
                        json.writeNumberProperty("recordedPages", set.pages().size()));
        json.writeArrayPropertyStart("trailerDamages");
        snapshot.trailerDamages().forEach(damage -> json.writeString(damage.describe()));
        json.writeEndArray();
        blocks(json, inspection);
        devices(json, snapshot.vmState().sections());
        inspection.fields().ifPresent(fields -> fields(json, fields));
        inspection.cpus().ifPresent(cpus -> cpus(json, cpus));
    }

    private static void trailer(JsonGenerator json, Trailer trailer) {
        json.writeObjectPropertyStart("trailer");
        json.writeNumberProperty("formatVersion", trailer.formatVersion());
        json.writeStringProperty("createdAt", trailer.facts().createdAt().toString());
        json.writeStringProperty("godwitVersion", trailer.facts().godwitVersion());
        json.writeStringProperty("qemuVersion", trailer.facts().qemuVersion());
        json.writeStringProperty("mode", trailer.facts().mode());
        json.writeStringProperty("source", trailer.facts().source());
        json.writeStringProperty("rootSha256", trailer.rootSha256());
        json.writeEndObject();
    }

    private static void blocks(JsonGenerator json, Inspection inspection) {
        json.writeArrayPropertyStart("blocks");
        List<RamBlock> blocks = inspection.snapshot().layout().blocks();
        for (int index = 0; index < blocks.size(); index++) {
            json.writeStartObject();
            json.writeStringProperty("id", blocks.get(index).id());
            json.writeNumberProperty("lengthBytes", blocks.get(index).lengthBytes());
            pages(json, blocks.get(index).pages(), inspection.pages(index), inspection);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectPropertyStart("totals");
        long totalBytes = inspection.snapshot().layout().totalBytes();
        json.writeNumberProperty("lengthBytes", totalBytes);
        pages(json, totalBytes / Page.SIZE_BYTES, inspection.totals(), inspection);
        json.writeEndObject();
    }

    private static void pages(JsonGenerator json, long pages, BlockPages counts, Inspection inspection) {
        json.writeNumberProperty("pages", pages);
        json.writeNumberProperty("presentPages", counts.presentPages());
        json.writeNumberProperty("zeroPages", counts.zeroPages());
        if (inspection.census().isPresent()) {
            json.writeNumberProperty("duplicatePages", counts.duplicatePages());
        }
    }

    private static void devices(JsonGenerator json, List<Section> sections) {
        json.writeArrayPropertyStart("devices");
        for (Section section : sections) {
            json.writeStartObject();
            section(json, section);
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void section(JsonGenerator json, Section section) {
        json.writeStringProperty("name", section.name());
        json.writeStringProperty("idstr", section.idstr());
        json.writeNumberProperty("instanceId", Integer.toUnsignedLong(section.instanceId()));
        json.writeNumberProperty("versionId", Integer.toUnsignedLong(section.versionId()));
        json.writeStringProperty("type", section.type().name());
        json.writeNumberProperty("lengthBytes", section.payload().length);
    }

    private static void fields(JsonGenerator json, List<DeviceFields> devices) {
        json.writeArrayPropertyStart("fields");
        for (DeviceFields device : devices) {
            json.writeStartObject();
            section(json, device.section());
            json.writeBooleanProperty("described", device.described());
            json.writeName("fields");
            nested(json, device.fields());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    /** An array, not an object: names may repeat. */
    private static void nested(JsonGenerator json, List<DeviceField> fields) {
        json.writeStartArray();
        for (DeviceField field : fields) {
            json.writeStartObject();
            json.writeStringProperty("name", field.name());
            json.writeStringProperty("type", field.type());
            json.writeNumberProperty("offsetBytes", field.offsetBytes());
            json.writeNumberProperty("lengthBytes", field.lengthBytes());
            json.writeName("value");
            value(json, field.value());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void value(JsonGenerator json, FieldValue value) {
        switch (value) {
            case FieldValue.Whole whole when whole.signed() || whole.value() >= 0 -> json.writeNumber(whole.value());
            case FieldValue.Whole whole -> json.writeNumber(new BigInteger(whole.text()));
            case FieldValue.Flag flag -> json.writeBoolean(flag.value());
            case FieldValue.FloatingPoint number
            when Double.isFinite(number.value()) -> json.writeNumber(number.value());
            case FieldValue.FloatingPoint number -> json.writeString(number.text());
            case FieldValue.Opaque opaque -> json.writeString(opaque.text());
            case FieldValue.Nested nested -> nested(json, nested.fields());
            case FieldValue.Elements elements -> {
                json.writeStartArray();
                elements.values().forEach(element -> value(json, element));
                json.writeEndArray();
            }
        }
    }

    private static void cpus(JsonGenerator json, List<X86Cpu> cpus) {
        json.writeArrayPropertyStart("cpus");
        for (X86Cpu cpu : cpus) {
            json.writeStartObject();
            json.writeNumberProperty("index", Integer.toUnsignedLong(cpu.index()));
            json.writeObjectPropertyStart("registers");
            cpu.registers()
                    .forEach(register -> json.writeStringProperty(register.name(), "0x%x".formatted(register.value())));
            json.writeEndObject();
            json.writeObjectPropertyStart("segments");
            for (X86Cpu.Segment segment : cpu.segments()) {
                json.writeObjectPropertyStart(segment.name());
                json.writeStringProperty("selector", "0x%x".formatted(segment.selector()));
                json.writeStringProperty("base", "0x%x".formatted(segment.base()));
                json.writeStringProperty("limit", "0x%x".formatted(segment.limit()));
                json.writeStringProperty("flags", "0x%x".formatted(segment.flags()));
                json.writeEndObject();
            }
            json.writeEndObject();
            json.writeObjectPropertyStart("vectors");
            cpu.vectors()
                    .forEach(vector -> json.writeStringProperty(
                            vector.name(), "0x%016x%016x".formatted(vector.high(), vector.low())));
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
