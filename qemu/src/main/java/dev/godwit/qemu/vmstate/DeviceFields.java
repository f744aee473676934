package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.VmDescription.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A device section with its fields read by the vmdescription.
 *
 * @param section the section
 * @param described whether the description fits the section; where not, it is one opaque field
 * @param fields those of the payload, in order
 */
public record DeviceFields(Section section, boolean described, List<DeviceField> fields) {

    /** Copies the list. */
    public DeviceFields {
        fields = List.copyOf(fields);
    }

    /**
     * {@return the FULL sections of a machine with their fields, in stream order} Without a vmdescription, and where it
     * does not fit, a device is one opaque field.
     *
     * @throws StreamFormatException if the vmdescription is damaged; the position is that in the JSON
     */
    public static List<DeviceFields> of(VmState state) throws StreamFormatException {
        List<Device> devices = List.of();
        if (state.vmdescription().isPresent()) {
            devices = VmDescription.parse(state.vmdescription().get(), 0).devices();
        }
        List<DeviceFields> all = new ArrayList<>();
        for (Section section : state.sections()) {
            if (section.type() == SectionType.FULL) {
                Optional<Device> device = all.size() < devices.size()
                        ? Optional.of(devices.get(all.size())).filter(found -> fits(found, section))
                        : Optional.empty();
                all.add(new DeviceFields(section, device.isPresent(), decode(device, section.payload())));
            }
        }
        return all;
    }

    private static boolean fits(Device device, Section section) {
        return device.name().equals(section.idstr())
                && device.instanceId() == section.instanceId()
                && device.payloadBytes() == section.payload().length
                && device.state().isPresent();
    }

    private static List<DeviceField> decode(Optional<Device> device, byte[] payload) {
        return device.flatMap(Device::state)
                .map(state -> new FieldDecoder(payload).struct(state, 0))
                .orElseGet(() ->
                        List.of(new DeviceField("data", "buffer", 0, payload.length, new FieldValue.Opaque(payload))));
    }

    /** {@return the value of the first field of this name, subsections not looked into} */
    public Optional<FieldValue> value(String name) {
        return fields.stream()
                .filter(field -> field.name().equals(name))
                .map(DeviceField::value)
                .findFirst();
    }

    /** {@return the number in the first field of this name, if it is one} */
    public Optional<FieldValue.Whole> whole(String name) {
        return value(name).filter(FieldValue.Whole.class::isInstance).map(FieldValue.Whole.class::cast);
    }
}
