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
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

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
     * {@return the blob of a machine}
     *
     * @param configuration of its stream
     * @param before how the guest was before it was stopped for the migration
     * @param firstSectionId of the description; the devices count on
     * @param ping the value of the PING behind the devices, 3 in QEMU
     */
    public static byte[] write(
            Configuration configuration, MachineState state, RunStatus before, int firstSectionId, int ping)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        Commands.write(output, new Command.PostcopyListen());
        for (Section section : MachineSections.sections(devices(configuration, state, before), firstSectionId)) {
            Sections.write(output, section);
        }
        Commands.write(output, new Command.Ping(ping));
        Commands.write(output, new Command.PostcopyRun());
        output.flush();
        return bytes.toByteArray();
    }

    /** {@return the devices of a package: their description, they themselves, and the global state} */
    public static List<DeviceState> devices(Configuration configuration, MachineState state, RunStatus before) {
        List<DeviceState> devices = MachineSections.devices(state, before);
        byte[] json = VmDescriptionWriter.write(configuration, devices);
        List<DeviceState> all = new ArrayList<>();
        all.add(DeviceState.of(DESCRIPTION_IDSTR, 0, 1)
                .uint32("length", json.length)
                .buffer("json", json)
                .build());
        all.addAll(devices);
        return all;
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
        ByteInput input = ByteInput.of(blob);
        input.section(WHERE);
        if (!(command(input) instanceof Command.PostcopyListen)) {
            throw new StreamFormatException(0, WHERE, "POSTCOPY_LISTEN first", "something else");
        }
        List<Integer> pings = new ArrayList<>();
        List<Section> sections = new ArrayList<>();
        List<DeviceState> devices = new ArrayList<>();
        List<VmDescription.Device> described = null;
        while (true) {
            input.section(WHERE);
            int type = input.peek();
            if (type == SectionType.COMMAND.wireByte()) {
                Command command = command(input);
                if (command instanceof Command.PostcopyRun) {
                    break;
                }
                pings.add(pingOf(input, command));
            } else if (type != SectionType.FULL.wireByte()) {
                throw input.unexpected("a command or a device's section", "byte 0x%02x".formatted(type));
            } else if (described == null) {
                described = readDescription(input);
            } else {
                Section section = readSection(input, described, sections.size());
                sections.add(section);
                if (!section.idstr().equals(GlobalState.IDSTR)) {
                    devices.add(MachineSections.device(section, described.get(sections.size() - 1)));
                }
            }
        }
        checkEnd(input, described, sections);
        return new MachinePackage(new MachineState(devices), MachineSections.before(sections), pings);
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

    private static List<VmDescription.Device> readDescription(ByteInput input) throws IOException {
        input.u8();
        SectionHeader header = Sections.readFullHeader(input, SectionType.FULL);
        if (!header.idstr().equals(DESCRIPTION_IDSTR)) {
            throw input.unexpected(
                    "section " + DESCRIPTION_IDSTR + ", by which the fields are known", "section " + header.idstr());
        }
        int lengthBytes = input.u32();
        if (lengthBytes < 0 || lengthBytes > VmDescription.MAX_LENGTH_BYTES) {
            throw input.unexpected(
                    "a vmdescription of at most " + VmDescription.MAX_LENGTH_BYTES + " bytes",
                    Integer.toUnsignedString(lengthBytes));
        }
        long at = input.position();
        List<VmDescription.Device> devices =
                VmDescription.parse(input.bytes(lengthBytes), at).devices();
        Sections.readFooter(input, header.sectionId());
        return devices;
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

    private static void checkEnd(
            ByteInput input, @Nullable List<VmDescription.Device> described, List<Section> sections)
            throws IOException {
        if (described == null || sections.size() < described.size()) {
            throw input.unexpected(
                    described == null
                            ? "section " + DESCRIPTION_IDSTR
                            : "section " + described.get(sections.size()).name(),
                    "POSTCOPY_RUN");
        }
        if (!input.atEnd()) {
            throw input.unexpected("the end of the package behind POSTCOPY_RUN", "more");
        }
    }
}
