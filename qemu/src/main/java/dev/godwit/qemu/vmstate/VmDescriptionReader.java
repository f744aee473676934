package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.vmstate.VmDescription.Device;
import dev.godwit.qemu.vmstate.VmDescription.Field;
import dev.godwit.qemu.vmstate.VmDescription.Struct;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/**
 * Reads the vmdescription token by token. Keys may repeat in one object (each element of a {@code qtailq} brings its
 * own {@code vmsd_name}, {@code version} and {@code fields}), so their order counts and no map is built.
 */
final class VmDescriptionReader {

    private static final String SECTION = "vmdescription";
    private static final int MAX_DEPTH = 200;
    private static final int MAX_TOKENS = 8_000_000;
    private static final int MAX_STRING_CHARACTERS = 4096;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxDocumentLength(VmDescription.MAX_LENGTH_BYTES)
                    .maxTokenCount(MAX_TOKENS)
                    .maxStringLength(MAX_STRING_CHARACTERS)
                    .maxNameLength(MAX_STRING_CHARACTERS)
                    .maxNumberLength(20)
                    .build())
            .build();

    private final JsonParser json;
    private final long positionBytes;

    private VmDescriptionReader(JsonParser json, long positionBytes) {
        this.json = json;
        this.positionBytes = positionBytes;
    }

    static VmDescription read(byte[] bytes, long positionBytes) throws StreamFormatException {
        if (bytes.length > VmDescription.MAX_LENGTH_BYTES) {
            throw new StreamFormatException(
                    positionBytes, SECTION, "at most " + VmDescription.MAX_LENGTH_BYTES + " bytes", bytes.length + "");
        }
        try (JsonParser json = FACTORY.createParser(ObjectReadContext.empty(), bytes)) {
            VmDescriptionReader reader = new VmDescriptionReader(json, positionBytes);
            VmDescription description = reader.document();
            if (json.nextToken() != null) {
                throw reader.unexpected("the end of the document");
            }
            return description;
        } catch (JacksonException e) {
            long at = Math.max(0, e.getLocation() == null ? 0 : e.getLocation().getByteOffset());
            throw new StreamFormatException(positionBytes + at, SECTION, "JSON", e.getOriginalMessage());
        }
    }

    private VmDescription document() throws StreamFormatException {
        json.nextToken();
        require(JsonToken.START_OBJECT, "an object");
        int pageSizeBytes = 0;
        List<Device> devices = null;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = json.currentName();
            json.nextToken();
            switch (key) {
                case "page_size" -> pageSizeBytes = length();
                case "devices" -> {
                    if (devices != null) {
                        throw unexpected("one list of devices");
                    }
                    devices = devices();
                }
                default -> json.skipChildren();
            }
        }
        require(JsonToken.END_OBJECT, "the end of the object");
        if (devices == null) {
            throw unexpected("a list of devices");
        }
        return new VmDescription(pageSizeBytes, devices);
    }

    private List<Device> devices() throws StreamFormatException {
        require(JsonToken.START_ARRAY, "a list of devices");
        List<Device> devices = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_OBJECT) {
            devices.add(device());
        }
        require(JsonToken.END_ARRAY, "a device or the end of the list");
        return devices;
    }

    private Device device() throws StreamFormatException {
        String name = null;
        long instanceId = 0;
        int sizeBytes = -1;
        StructBuilder state = new StructBuilder();
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = json.currentName();
            json.nextToken();
            switch (key) {
                case "name" -> name = string();
                case "instance_id" -> instanceId = number(0, 0xffff_ffffL);
                case "size" -> sizeBytes = length();
                default -> structMember(key, state);
            }
        }
        require(JsonToken.END_OBJECT, "the end of a device");
        if (name == null) {
            throw unexpected("a device with a name");
        }
        if (state.name != null) {
            Struct struct = struct(state);
            return new Device(name, (int) instanceId, Optional.of(struct), struct.lengthBytes());
        }
        if (sizeBytes < 0) {
            throw unexpected("vmsd_name or size of device " + name);
        }
        return new Device(name, (int) instanceId, Optional.empty(), sizeBytes);
    }

    /** What has been read of a structure; {@code name} is null until its first key has come. */
    private static final class StructBuilder {
        @Nullable
        String name;

        int versionId;
        List<Field> fields = List.of();
        List<Struct> subsections = List.of();
    }

    private void structMember(String key, StructBuilder struct) throws StreamFormatException {
        switch (key) {
            case "vmsd_name" -> struct.name = string();
            case "version" -> struct.versionId = (int) number(Integer.MIN_VALUE, Integer.MAX_VALUE);
            case "fields" -> struct.fields = fields();
            case "subsections" -> struct.subsections = subsections();
            default -> json.skipChildren();
        }
    }

    private Struct struct(StructBuilder read) throws StreamFormatException {
        String name = read.name;
        if (name == null) {
            throw unexpected("a structure with vmsd_name");
        }
        long lengthBytes = 0;
        for (Field field : read.fields) {
            lengthBytes = checked(lengthBytes + field.totalBytes());
        }
        for (Struct subsection : read.subsections) {
            int header = 1 + 1 + subsection.name().getBytes(StandardCharsets.UTF_8).length + 4;
            lengthBytes = checked(lengthBytes + header + subsection.lengthBytes());
        }
        return new Struct(name, read.versionId, read.fields, read.subsections, (int) lengthBytes);
    }

    private List<Struct> subsections() throws StreamFormatException {
        require(JsonToken.START_ARRAY, "a list of subsections");
        List<Struct> subsections = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_OBJECT) {
            subsections.add(structObject());
        }
        require(JsonToken.END_ARRAY, "a subsection or the end of the list");
        return subsections;
    }

    private Struct structObject() throws StreamFormatException {
        require(JsonToken.START_OBJECT, "a structure");
        StructBuilder struct = new StructBuilder();
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = json.currentName();
            json.nextToken();
            structMember(key, struct);
        }
        require(JsonToken.END_OBJECT, "the end of a structure");
        return struct(struct);
    }

    private List<Field> fields() throws StreamFormatException {
        require(JsonToken.START_ARRAY, "a list of fields");
        List<Field> fields = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_OBJECT) {
            fields.add(field());
        }
        require(JsonToken.END_ARRAY, "a field or the end of the list");
        return fields;
    }

    private Field field() throws StreamFormatException {
        String name = "";
        String type = "";
        OptionalInt index = OptionalInt.empty();
        int elements = 1;
        int sizeBytes = -1;
        List<Struct> structs = new ArrayList<>(1);
        StructBuilder inline = new StructBuilder();
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = json.currentName();
            json.nextToken();
            switch (key) {
                case "name" -> name = string();
                case "type" -> type = string();
                case "index" -> index = OptionalInt.of(length());
                case "array_len" -> elements = length();
                case "size" -> sizeBytes = length();
                case "struct" -> structs.add(structObject());
                default -> {
                    if (key.equals("vmsd_name") && inline.name != null) {
                        structs.add(struct(inline));
                        inline = new StructBuilder();
                    }
                    structMember(key, inline);
                }
            }
        }
        require(JsonToken.END_OBJECT, "the end of a field");
        if (inline.name != null) {
            structs.add(struct(inline));
        }
        if (sizeBytes < 0) {
            throw unexpected("size of field " + name);
        }
        checked((long) elements * sizeBytes);
        return new Field(name, index, elements, type, sizeBytes, structs);
    }

    private String string() throws StreamFormatException {
        require(JsonToken.VALUE_STRING, "a string");
        return json.getString();
    }

    /** A count or a length in bytes: not negative, and no more than an array holds. */
    private int length() throws StreamFormatException {
        return (int) number(0, Integer.MAX_VALUE);
    }

    private long number(long min, long max) throws StreamFormatException {
        require(JsonToken.VALUE_NUMBER_INT, "a whole number");
        long value = json.getLongValue();
        if (value < min || value > max) {
            throw unexpected("a number from " + min + " to " + max);
        }
        return value;
    }

    private long checked(long lengthBytes) throws StreamFormatException {
        if (lengthBytes > Integer.MAX_VALUE) {
            throw new StreamFormatException(
                    here(), SECTION, "lengths of at most " + Integer.MAX_VALUE + " bytes", lengthBytes + "");
        }
        return lengthBytes;
    }

    private void require(JsonToken token, String expected) throws StreamFormatException {
        if (json.currentToken() != token) {
            throw unexpected(expected);
        }
    }

    private StreamFormatException unexpected(String expected) {
        JsonToken found = json.currentToken();
        return new StreamFormatException(
                here(), SECTION, expected, found == null ? "the end" : found.name() + " " + json.getString());
    }

    private long here() {
        return positionBytes + Math.max(0, json.currentTokenLocation().getByteOffset());
    }
}
