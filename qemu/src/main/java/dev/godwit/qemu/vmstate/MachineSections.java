package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The devices of a machine of ours as sections of a stream, and back. Each device is a FULL section with its fields one
 * after the other; {@code globalstate} follows as the last one, as in QEMU.
 */
public final class MachineSections {

    /** The RAM section's id. Not 0: QEMU takes that of a later section for any device that it has not heard of yet. */
    public static final int RAM_SECTION_ID = 1;

    private static final String WHERE = "device sections";

    private MachineSections() {}

    /**
     * {@return all of a machine but its RAM, as it stands in a stream}
     *
     * @param before how the guest was before it was stopped
     */
    public static VmState vmState(Configuration configuration, MachineState state, RunStatus before) {
        List<DeviceState> devices = devices(state, before);
        return new VmState(
                configuration,
                RAM_SECTION_ID,
                sections(devices, RAM_SECTION_ID + 1),
                Optional.of(VmDescriptionWriter.write(configuration, devices)));
    }

    /** {@return the devices with the global state behind them} */
    public static List<DeviceState> devices(MachineState state, RunStatus before) {
        List<DeviceState> devices = new ArrayList<>(state.devices());
        devices.add(GlobalState.device(before.word()));
        return devices;
    }

    /**
     * {@return a section for each device}
     *
     * @param firstSectionId of the first; the others count on
     */
    public static List<Section> sections(List<DeviceState> devices, int firstSectionId) {
        List<Section> sections = new ArrayList<>();
        for (DeviceState device : devices) {
            sections.add(new Section(
                    SectionType.FULL,
                    firstSectionId + sections.size(),
                    device.idstr(),
                    device.instanceId(),
                    device.versionId(),
                    payload(device),
                    false));
        }
        return sections;
    }

    private static byte[] payload(DeviceState device) {
        int lengthBytes = 0;
        for (StateField field : device.fields()) {
            lengthBytes += field.content().length;
        }
        byte[] payload = new byte[lengthBytes];
        int at = 0;
        for (StateField field : device.fields()) {
            System.arraycopy(field.content(), 0, payload, at, field.content().length);
            at += field.content().length;
        }
        return payload;
    }

    /**
     * {@return the devices that came with a stream, without the global state}
     *
     * @throws StreamFormatException if nothing describes them, or one is not described as a list of plain fields
     */
    public static MachineState read(VmState state) throws StreamFormatException {
        byte[] json = state.vmdescription()
                .orElseThrow(() ->
                        new StreamFormatException(0, WHERE, "a vmdescription, by which the fields are known", "none"));
        List<VmDescription.Device> described = VmDescription.parse(json, 0).devices();
        List<DeviceState> devices = new ArrayList<>();
        int index = 0;
        for (Section section : state.sections()) {
            if (section.type() != SectionType.FULL) {
                throw new StreamFormatException(0, WHERE, "device sections only", section.name());
            }
            if (index == described.size()) {
                throw new StreamFormatException(0, WHERE, "a description of " + section.name(), "none");
            }
            VmDescription.Device device = described.get(index++);
            if (!section.idstr().equals(GlobalState.IDSTR)) {
                devices.add(device(section, device));
            }
        }
        return new MachineState(devices);
    }

    /** The lengths agree, or the section could not have been split from the stream. */
    static DeviceState device(Section section, VmDescription.Device described) throws StreamFormatException {
        VmDescription.Struct struct = described
                .state()
                .orElseThrow(() -> new StreamFormatException(
                        0, WHERE, section.name() + " with named fields", "a section that only its device reads"));
        if (!struct.subsections().isEmpty()) {
            throw new StreamFormatException(
                    0,
                    WHERE,
                    section.name() + " without subsections",
                    struct.subsections().getFirst().name());
        }
        List<StateField> fields = new ArrayList<>();
        int at = 0;
        for (VmDescription.Field field : struct.fields()) {
            int end = at + field.totalBytes();
            if (end > section.payload().length
                    || field.totalBytes() == 0
                    || field.name().isEmpty()) {
                throw new StreamFormatException(
                        0,
                        WHERE,
                        section.name() + " with named fields of at least a byte within its " + section.payload().length
                                + " bytes",
                        "field " + field.name() + " of " + field.totalBytes() + " bytes");
            }
            fields.add(new StateField(field.name(), field.type(), Arrays.copyOfRange(section.payload(), at, end)));
            at = end;
        }
        return new DeviceState(section.idstr(), section.instanceId(), section.versionId(), fields);
    }

    /**
     * {@return how the guest was before it was stopped for the migration}
     *
     * @throws IOException if it was in a way that a machine of ours cannot be in
     */
    public static RunStatus before(VmState state) throws IOException {
        return before(state.sections());
    }

    static RunStatus before(List<Section> sections) throws IOException {
        String word = GlobalState.of(sections).map(GlobalState::runState).orElse(GlobalState.RUNNING);
        for (RunStatus status : List.of(
                RunStatus.RUNNING,
                RunStatus.PAUSED,
                RunStatus.PRELAUNCH,
                RunStatus.SHUTDOWN,
                RunStatus.INTERNAL_ERROR)) {
            if (status.word().equals(word)) {
                return status;
            }
        }
        throw new StreamFormatException(
                0, GlobalState.IDSTR, "running, paused, prelaunch, shutdown or internal-error", word);
    }
}
