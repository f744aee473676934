package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Command;
import dev.godwit.qemu.Commands;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.VmState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The package by which a machine of ours goes over to postcopy (qemu-migration specification section 3.6).
 *
 * <pre>
 * POSTCOPY_LISTEN
 * FULL godwit/vmdescription      u32 length, the vmdescription of the sections that follow
 * FULL*                          the devices, globalstate last
 * PING
 * POSTCOPY_RUN                   ends the package
 * </pre>
 *
 * A postcopy stream has no vmdescription at its end, where it would come too late; so what the fields of our devices
 * are goes before them, as a section like any other. A package without that section, as QEMU sends it, is split by its
 * footers, and each device has one field, {@code section}, with all of its bytes.
 *
 * @param state the devices
 * @param before how the guest was before it was stopped for the migration
 * @param pings to be answered once the devices are loaded
 */
public record MachinePackage(MachineState state, RunStatus before, List<Integer> pings) {

    /** The one field of a device that nothing describes. */
    public static final String UNDESCRIBED_FIELD = "section";

    /** The idstr of the section that describes the others. */
    public static final String DESCRIPTION_IDSTR = "godwit/vmdescription";

    private static final String WHERE = "PACKAGED blob";

    /** Copies the list. */
    public MachinePackage {
        pings = List.copyOf(pings);
    }

    /**
     * {@return the blob of what a guest is but for its RAM}
     *
     * @param sections the devices, the global state last, and before them their description, where there is one
     * @param ping the value of the PING behind the devices
     */
    public static byte[] write(List<Section> sections, int ping) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = ByteOutput.ofLittle(Channels.newChannel(bytes));
        Commands.write(output, new Command.PostcopyListen());
        for (Section section : sections) {
            Sections.write(output, section);
        }
        Commands.write(output, new Command.Ping(ping));
        Commands.write(output, new Command.PostcopyRun());
        output.flush();
        return bytes.toByteArray();
    }

    /**
     * {@return the devices of a package: their description, they themselves, and the global state}
     *
     * @param configuration of its stream
     * @param before how the guest was before it was stopped for the migration
     */
    public static List<DeviceState> devices(Configuration configuration, MachineState state, RunStatus before) {
        List<DeviceState> devices = MachineSections.devices(state, before);
        byte[] json = VmDescriptionWriter.write(configuration, devices);
        List<DeviceState> all = new ArrayList<>();
        all.add(description(json));
        all.addAll(devices);
        return all;
    }

    private static DeviceState description(byte[] json) {
        return DeviceState.of(DESCRIPTION_IDSTR, 0, 1)
                .uint32("length", json.length)
                .buffer("json", json)
                .build();
    }

    /**
     * {@return the sections of a package for a guest that was saved: behind their description where they are of a
     * machine of ours} Such a guest is known by its vmdescription, which is byte by byte what such a machine writes.
     * QEMU, which does not know the description's section, takes none of these guests.
     */
    public static List<Section> sections(VmState saved) {
        List<Section> sections =
                saved.sections().stream().filter(section -> !section.setup()).toList();
        if (saved.vmdescription().isEmpty()
                || !isOurs(saved, saved.vmdescription().get())) {
            return sections;
        }
        int id = sections.stream().mapToInt(Section::sectionId).max().orElse(saved.ramSectionId()) + 1;
        List<Section> all = new ArrayList<>(MachineSections.sections(
                List.of(description(saved.vmdescription().get())), id));
        all.addAll(sections);
        return all;
    }

    private static boolean isOurs(VmState saved, byte[] json) {
        try {
            List<VmDescription.Device> described = VmDescription.parse(json, 0).devices();
            if (described.size() != saved.sections().size()) {
                return false;
            }
            List<DeviceState> devices = new ArrayList<>();
            for (int index = 0; index < described.size(); index++) {
                devices.add(MachineSections.device(saved.sections().get(index), described.get(index)));
            }
            return Arrays.equals(json, VmDescriptionWriter.write(saved.configuration(), devices));
        } catch (StreamFormatException _) {
            return false; // described in ways that ours are not
        }
    }

    /**
     * Reads a package.
     *
     * @param blob what follows the PACKAGED command, and nothing else
     * @throws StreamFormatException if it is damaged, or not one of a machine of ours; positions are in the blob
     */
    public static MachinePackage read(byte[] blob) throws IOException {
        if (!isDescribed(blob)) {
            return readUndescribed(blob);
        }
        Described parts = described(blob);
        List<DeviceState> devices = new ArrayList<>();
        for (int index = 0; index < parts.sections.size(); index++) {
            Section section = parts.sections.get(index);
            if (!section.idstr().equals(GlobalState.IDSTR)) {
                devices.add(MachineSections.device(section, parts.devices.get(index)));
            }
        }
        return new MachinePackage(new MachineState(devices), MachineSections.before(parts.sections), parts.pings);
    }

    /**
     * The sections of a package as they stand in a stream that is whole: without the description among them.
     *
     * @param vmdescription of the sections; empty where the package has none
     */
    public record Split(List<Section> sections, Optional<byte[]> vmdescription) {

        /** Copies the list. */
        public Split {
            sections = List.copyOf(sections);
        }
    }

    /**
     * {@return the sections of a package}
     *
     * @param at where the blob stands in the stream
     * @throws StreamFormatException if it is damaged
     */
    public static Split split(byte[] blob, long at) throws IOException {
        if (!isDescribed(blob)) {
            return new Split(SectionSplitter.splitPackage(blob, at), Optional.empty());
        }
        Described parts = described(blob);
        return new Split(parts.sections, Optional.of(parts.json));
    }

    private static final class Described {

        final byte[] json;
        final List<VmDescription.Device> devices;
        final List<Section> sections = new ArrayList<>();
        final List<Integer> pings = new ArrayList<>();

        Described(byte[] json, long at) throws StreamFormatException {
            this.json = json;
            this.devices = VmDescription.parse(json, at).devices();
        }
    }

    private static Described described(byte[] blob) throws IOException {
        ByteInput input = ByteInput.of(blob);
        input.section(WHERE);
        if (!(command(input) instanceof Command.PostcopyListen)) {
            throw new StreamFormatException(0, WHERE, "POSTCOPY_LISTEN first", "something else");
        }
        long at = input.position();
        Described parts = new Described(readDescription(input), at);
        while (true) {
            input.section(WHERE);
            int type = input.peek();
            if (type == SectionType.COMMAND.wireByte()) {
                Command command = command(input);
                if (command instanceof Command.PostcopyRun) {
                    break;
                }
                parts.pings.add(pingOf(input, command));
            } else if (type == SectionType.FULL.wireByte()) {
                parts.sections.add(readSection(input, parts.devices, parts.sections.size()));
            } else {
                throw input.unexpected("a command or a device's section", "byte 0x%02x".formatted(type));
            }
        }
        checkEnd(input, parts);
        return parts;
    }

    private static boolean isDescribed(byte[] blob) {
        return FullHeader.at(blob, PackagedCommand.HEADER_BYTES, blob.length)
                .filter(header -> header.idstr().equals(DESCRIPTION_IDSTR))
                .isPresent();
    }

    private static MachinePackage readUndescribed(byte[] blob) throws IOException {
        List<Section> sections = SectionSplitter.splitPackage(blob, 0);
        List<DeviceState> devices = new ArrayList<>();
        for (Section section : sections) {
            if (!section.idstr().equals(GlobalState.IDSTR)) {
                devices.add(DeviceState.of(section.idstr(), section.instanceId(), section.versionId())
                        .buffer(UNDESCRIBED_FIELD, section.payload())
                        .build());
            }
        }
        return new MachinePackage(new MachineState(devices), MachineSections.before(sections), lastPing(blob));
    }

    /** The PING right before the RUN at the end, if there is one. */
    private static List<Integer> lastPing(byte[] blob) {
        int at = blob.length - 2 * PackagedCommand.HEADER_BYTES - Integer.BYTES;
        return at >= 0 && PackagedCommand.at(blob, at, blob.length) == PackagedCommand.PING
                ? List.of(FullHeader.int32(blob, at + PackagedCommand.HEADER_BYTES))
                : List.of();
    }

    private static Command command(ByteInput input) throws IOException {
        int type = input.u8();
        if (type != SectionType.COMMAND.wireByte()) {
            throw input.unexpectedAt(input.position() - 1, "a command", "byte 0x%02x".formatted(type));
        }
        return Commands.read(input);
    }

    private static int pingOf(ByteInput input, Command command) throws IOException {
        if (command instanceof Command.Ping(int value)) {
            return value;
        }
        throw input.unexpected("PING or POSTCOPY_RUN in a package", command.commandName());
    }

    private static byte[] readDescription(ByteInput input) throws IOException {
        input.u8();
        SectionHeader header = Sections.readFullHeader(input, SectionType.FULL);
        int lengthBytes = input.u32();
        if (lengthBytes < 0 || lengthBytes > VmDescription.MAX_LENGTH_BYTES) {
            throw input.unexpected(
                    "a vmdescription of at most " + VmDescription.MAX_LENGTH_BYTES + " bytes",
                    Integer.toUnsignedString(lengthBytes));
        }
        byte[] json = input.bytes(lengthBytes);
        Sections.readFooter(input, header.sectionId());
        return json;
    }

    private static Section readSection(ByteInput input, List<VmDescription.Device> described, int index)
            throws IOException {
        long at = input.position();
        input.u8();
        SectionHeader header = Sections.readFullHeader(input, SectionType.FULL);
        VmDescription.Device device = index < described.size() ? described.get(index) : null;
        if (device == null
                || !device.name().equals(header.idstr())
                || device.instanceId() != header.instanceId()
                || device.state().isEmpty()
                || device.state().get().versionId() != header.versionId()) {
            throw input.unexpectedAt(
                    at,
                    device == null ? "no further section" : "section " + device.name(),
                    "section " + header.idstr());
        }
        byte[] payload = input.bytes(device.payloadBytes());
        Sections.readFooter(input, header.sectionId());
        return new Section(
                SectionType.FULL,
                header.sectionId(),
                header.idstr(),
                header.instanceId(),
                header.versionId(),
                payload,
                false);
    }

    private static void checkEnd(ByteInput input, Described parts) throws IOException {
        if (parts.sections.size() < parts.devices.size()) {
            throw input.unexpected(
                    "section " + parts.devices.get(parts.sections.size()).name(), "POSTCOPY_RUN");
        }
        if (!input.atEnd()) {
            throw input.unexpected("the end of the package behind POSTCOPY_RUN", "more");
        }
    }
}
