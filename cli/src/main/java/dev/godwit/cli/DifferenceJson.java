package dev.godwit.cli;

import dev.godwit.snapshot.FieldDifference;
import dev.godwit.snapshot.SnapshotDifference;
import dev.godwit.snapshot.SnapshotDifference.BlockDifference;
import dev.godwit.snapshot.SnapshotDifference.PageRange;
import dev.godwit.snapshot.SnapshotDifference.SectionDifference;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;

/** What differs between two snapshots, for programs. */
final class DifferenceJson {

    private DifferenceJson() {}

    static void write(JsonGenerator json, SnapshotDifference difference, Map<String, List<FieldDifference>> fields) {
        json.writeBooleanProperty("same", difference.isEmpty());
        json.writeArrayPropertyStart("machineTypes");
        difference.machineTypes().forEach(json::writeString);
        json.writeEndArray();
        json.writeArrayPropertyStart("blocks");
        for (BlockDifference block : difference.blocks()) {
            json.writeStartObject();
            json.writeStringProperty("id", block.blockId());
            switch (block) {
                case BlockDifference.OnlyInFirst _ -> json.writeStringProperty("difference", "only-in-first");
                case BlockDifference.OnlyInSecond _ -> json.writeStringProperty("difference", "only-in-second");
                case BlockDifference.Content content -> content(json, content);
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayPropertyStart("devices");
        for (SectionDifference section : difference.sections()) {
            json.writeStartObject();
            json.writeStringProperty("name", section.name());
            section(json, section, fields.getOrDefault(section.name(), List.of()));
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void content(JsonGenerator json, BlockDifference.Content content) {
        json.writeStringProperty("difference", "content");
        json.writeNumberProperty("firstLengthBytes", content.firstLengthBytes());
        json.writeNumberProperty("secondLengthBytes", content.secondLengthBytes());
        json.writeNumberProperty("differingPages", content.differingPages());
        json.writeArrayPropertyStart("ranges");
        for (PageRange range : content.ranges()) {
            json.writeStartObject();
            json.writeNumberProperty("offsetBytes", range.offsetBytes());
            json.writeNumberProperty("lengthBytes", range.lengthBytes());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void section(JsonGenerator json, SectionDifference section, List<FieldDifference> fields) {
        switch (section) {
            case SectionDifference.OnlyInFirst _ -> json.writeStringProperty("difference", "only-in-first");
            case SectionDifference.OnlyInSecond _ -> json.writeStringProperty("difference", "only-in-second");
            case SectionDifference.Changed changed -> {
                json.writeStringProperty("difference", "content");
                json.writeNumberProperty(
                        "firstVersionId", Integer.toUnsignedLong(changed.first().versionId()));
                json.writeNumberProperty(
                        "secondVersionId",
                        Integer.toUnsignedLong(changed.second().versionId()));
                json.writeArrayPropertyStart("fields");
                for (FieldDifference field : fields) {
                    json.writeStartObject();
                    json.writeStringProperty("path", field.path());
                    field.first().ifPresent(value -> json.writeStringProperty("first", value));
                    field.second().ifPresent(value -> json.writeStringProperty("second", value));
                    json.writeEndObject();
                }
                json.writeEndArray();
            }
        }
    }
}
