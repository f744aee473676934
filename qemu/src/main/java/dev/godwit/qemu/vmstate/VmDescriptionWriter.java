package dev.godwit.qemu.vmstate;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.qemu.Configuration;
import dev.godwit.ram.Page;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes the vmdescription of a machine of ours, in QEMU's shape (qemu-migration specification section 1.6).
 *
 * <pre>
 * {"configuration": {"vmsd_name": "configuration", "version": 1, "fields": [F, F], "subsections": [...]},
 *  "page_size": 4096,
 *  "devices": [{"name": idstr, "instance_id": n, "vmsd_name": idstr, "version": v, "fields": [F, ...]}, ...]}
 * F: {"name": s, "type": t, "size": bytes}
 * </pre>
 */
public final class VmDescriptionWriter {

    private final StringBuilder json = new StringBuilder();

    private VmDescriptionWriter() {}

    /** {@return the description of a stream, UTF-8, one line} */
    public static byte[] write(Configuration configuration, List<DeviceState> devices) {
        VmDescriptionWriter writer = new VmDescriptionWriter();
        writer.configuration(configuration);
        writer.json.append(", \"page_size\": ").append(Page.SIZE_BYTES).append(", \"devices\": [");
        String separator = "";
        for (DeviceState device : devices) {
            writer.json.append(separator);
            writer.device(device);
            separator = ", ";
        }
        return writer.json.append("]}").toString().getBytes(StandardCharsets.UTF_8);
    }

    private void configuration(Configuration configuration) {
        json.append("{\"configuration\": {\"vmsd_name\": \"configuration\", \"version\": 1, \"fields\": [");
        field("len", "uint32", 4);
        json.append(", ");
        field("name", "buffer", configuration.machineType().getBytes(StandardCharsets.UTF_8).length);
        json.append(']');
        if (configuration.uuid().isPresent()) {
            json.append(", \"subsections\": [{\"vmsd_name\": \"configuration/uuid\", \"version\": 1, \"fields\": [")
                    .append("{\"name\": \"uuid.data\", \"array_len\": 16, \"type\": \"uint8\", \"size\": 1}]}]");
        }
        json.append('}');
    }

    private void device(DeviceState device) {
        json.append("{\"name\": ");
        string(device.idstr());
        json.append(", \"instance_id\": ")
                .append(Integer.toUnsignedString(device.instanceId()))
                .append(", \"vmsd_name\": ");
        string(device.idstr());
        json.append(", \"version\": ").append(device.versionId()).append(", \"fields\": [");
        String separator = "";
        for (StateField field : device.fields()) {
            json.append(separator);
            field(field.name(), field.type(), field.content().length);
            separator = ", ";
        }
        json.append("]}");
    }

    private void field(String name, String type, int sizeBytes) {
        json.append("{\"name\": ");
        string(name);
        json.append(", \"type\": ");
        string(type);
        json.append(", \"size\": ").append(sizeBytes).append('}');
    }

    private void string(String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char letter = text.charAt(i);
            if (letter == '"' || letter == '\\') {
                json.append('\\').append(letter);
            } else if (letter < ' ') {
                json.append("\\u%04x".formatted((int) letter));
            } else {
                json.append(letter);
            }
        }
        json.append('"');
    }
}
