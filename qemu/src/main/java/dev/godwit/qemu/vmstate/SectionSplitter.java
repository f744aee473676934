package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.vmstate.VmDescription.Device;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Splits the end of a stream into device sections, which carry no length of their own (qemu-migration specification
 * section 1.7).
 *
 * <pre>
 * FULL*           u8 0x04, u32 section_id, u8 n, n bytes idstr, u32 instance_id, u32 version_id, payload,
 *                 u8 0x7e, u32 section_id
 * EOF             u8 0x00
 * VMDESCRIPTION   u8 0x06, u32 length, length bytes of JSON; may be missing
 * </pre>
 *
 * Where there is a vmdescription, its lengths say where each payload ends, and the footer there proves it. Where there
 * is none, the footers themselves are searched.
 */
public final class SectionSplitter {

    private static final String SECTION = "device sections";

    /**
     * How many places that look like the end are tried; by chance there is hardly one, and each costs all the bytes.
     */
    private static final int MAX_ENDS = 16;

    private final byte[] tail;
    private final long positionBytes;

    private SectionSplitter(byte[] tail, long positionBytes) {
        this.tail = tail;
        this.positionBytes = positionBytes;
    }

    /**
     * Splits everything from the first FULL section behind RAM to the end of the stream.
     *
     * @param tail those bytes, nothing before or after
     * @param positionBytes where they stand in the stream, for errors
     * @param earlier the sections that came before, of which the FULL ones are described too and have to agree with the
     *     description
     * @throws StreamFormatException if they cannot be split, or not into what the vmdescription says
     */
    public static DeviceSections split(byte[] tail, long positionBytes, List<Section> earlier)
            throws StreamFormatException {
        SectionSplitter splitter = new SectionSplitter(tail, positionBytes);
        StreamFormatException notDescription = null;
        for (int eof : VmDescriptionPlace.candidates(tail, tail.length)) {
            byte[] json = Arrays.copyOfRange(tail, eof + VmDescriptionPlace.JSON_AFTER_EOF_BYTES, tail.length);
            VmDescription description;
            try {
                description = VmDescription.parse(json, positionBytes + eof + VmDescriptionPlace.JSON_AFTER_EOF_BYTES);
            } catch (StreamFormatException e) {
                notDescription = e;
                continue;
            }
            return new DeviceSections(splitter.walk(description.devices(), eof, earlier), Optional.of(json));
        }
        if (tail.length == 0 || tail[tail.length - 1] != SectionType.EOF.wireByte()) {
            throw notDescription != null ? notDescription : splitter.noEnd();
        }
        return new DeviceSections(FooterChain.splitToEof(tail, tail.length - 1, positionBytes), Optional.empty());
    }

    /**
     * Splits likewise where bytes of somebody else's may stand behind the vmdescription.
     *
     * @param bytes from the first FULL section behind RAM on
     * @param positionBytes where they stand in the file, for errors
     * @param earlier as in {@link #split}
     * @throws StreamFormatException if they cannot be split whole, nor up to any vmdescription
     */
    public static DeviceSections splitWithBytesBehind(byte[] bytes, long positionBytes, List<Section> earlier)
            throws StreamFormatException {
        StreamFormatException whole;
        try {
            return split(bytes, positionBytes, earlier);
        } catch (StreamFormatException e) {
            whole = e;
        }
        int tried = 0;
        for (int eof = 0; eof < bytes.length && tried < MAX_ENDS; eof++) {
            int end = VmDescriptionPlace.endOfJson(bytes, eof);
            if (end > 0 && end < bytes.length) {
                tried++;
                try {
                    return split(Arrays.copyOf(bytes, end), positionBytes, earlier);
                } catch (StreamFormatException e) {
                    whole.addSuppressed(e);
                }
            }
        }
        throw whole;
    }

    /**
     * Splits the device sections out of a postcopy package: commands LISTEN, the FULL sections, PING, RUN.
     *
     * @param blob the bytes behind the PACKAGED command, nothing else
     * @param positionBytes where they stand in the stream, for errors
     * @throws StreamFormatException if the footers do not lead to a RUN command at the end
     */
    public static List<Section> splitPackage(byte[] blob, long positionBytes) throws StreamFormatException {
        return FooterChain.splitPackage(blob, positionBytes);
    }

    /** {@return the value of the PING that stands before the RUN of a postcopy package that was split} */
    public static OptionalInt pingOfPackage(byte[] blob) {
        int at = blob.length - 2 * PackagedCommand.HEADER_BYTES - Integer.BYTES;
        return at >= 0 && PackagedCommand.at(blob, at, blob.length) == PackagedCommand.PING
                ? OptionalInt.of(ByteBuffer.wrap(blob).getInt(at + PackagedCommand.HEADER_BYTES))
                : OptionalInt.empty();
    }

    private List<Section> walk(List<Device> devices, int eof, List<Section> earlier) throws StreamFormatException {
        int device = checkEarlier(devices, earlier);
        List<Section> sections = new ArrayList<>();
        int at = 0;
        for (; device < devices.size(); device++) {
            Device described = devices.get(device);
            int headerAt = at;
            FullHeader header = FullHeader.at(tail, at, eof)
                    .filter(found -> matches(found, described))
                    .orElseThrow(() -> mismatch(headerAt, described, eof));
            int end = end(header, devices, device, eof);
            sections.add(header.section(tail, end));
            at = end + FullHeader.FOOTER_BYTES;
        }
        if (at != eof) {
            throw new StreamFormatException(
                    positionBytes + at,
                    SECTION,
                    "EOF after the last device of the vmdescription",
                    (eof - at) + " further bytes");
        }
        return sections;
    }

    private int checkEarlier(List<Device> devices, List<Section> earlier) throws StreamFormatException {
        int device = 0;
        for (Section section : earlier) {
            if (section.type() != SectionType.FULL) {
                continue;
            }
            Device described = device < devices.size() ? devices.get(device) : null;
            if (described == null
                    || !described.name().equals(section.idstr())
                    || described.instanceId() != section.instanceId()
                    || described.payloadBytes() != section.payload().length) {
                throw new StreamFormatException(
                        positionBytes,
                        "vmdescription",
                        "section " + section.name() + " of " + section.payload().length
                                + " bytes, which came before RAM",
                        described == null ? "none" : described.name() + " of " + described.payloadBytes() + " bytes");
            }
            device++;
        }
        return device;
    }

    private static boolean matches(FullHeader header, Device device) {
        return header.idstr().equals(device.name())
                && header.instanceId() == device.instanceId()
                && (device.state().isEmpty() || device.state().get().versionId() == header.versionId());
    }

    /**
     * Where the payload ends: where the description says, if the section's footer is there. A uniform array whose
     * elements are not of one length after all makes the description wrong for its device; then it is the first footer
     * behind which the next device stands.
     */
    private int end(FullHeader header, List<Device> devices, int device, int eof) throws StreamFormatException {
        long described = (long) header.payloadStart() + devices.get(device).payloadBytes();
        if (FullHeader.footerAt(tail, described, eof, header.sectionId())) {
            return (int) described;
        }
        for (int end = header.payloadStart(); end <= eof - FullHeader.FOOTER_BYTES; end++) {
            if (FullHeader.footerAt(tail, end, eof, header.sectionId())
                    && continues(end + FullHeader.FOOTER_BYTES, devices, device + 1, eof)) {
                return end;
            }
        }
        throw new StreamFormatException(
                positionBytes + Math.min(described, eof),
                "section " + header.idstr(),
                "its footer, after " + devices.get(device).payloadBytes() + " bytes of payload",
                "none there, nor elsewhere before the next device");
    }

    private boolean continues(int at, List<Device> devices, int next, int eof) {
        if (next == devices.size()) {
            return at == eof;
        }
        return FullHeader.at(tail, at, eof)
                .filter(header -> matches(header, devices.get(next)))
                .isPresent();
    }

    private StreamFormatException mismatch(int at, Device described, int eof) {
        String expected = "FULL " + described.name() + " instance " + Integer.toUnsignedString(described.instanceId())
                + described
                        .state()
                        .map(state -> " version " + state.versionId())
                        .orElse("");
        String found = FullHeader.at(tail, at, eof)
                .map(header -> "FULL " + header.idstr() + " instance " + Integer.toUnsignedString(header.instanceId())
                        + " version " + Integer.toUnsignedString(header.versionId()))
                .orElse(at < eof ? "0x%02x".formatted(tail[at]) : "EOF");
        return new StreamFormatException(positionBytes + at, SECTION, expected, found);
    }

    private StreamFormatException noEnd() {
        return new StreamFormatException(
                positionBytes + tail.length, SECTION, "EOF or a vmdescription at the end", "neither");
    }
}
