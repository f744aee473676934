package dev.godwit.qemu.mappedram;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.DeviceSections;
import dev.godwit.qemu.vmstate.SectionSplitter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads what follows the pages of a mapped-ram file: the end of the RAM section, early sections, commands, device
 * sections, EOF and vmdescription (qemu-migration specification sections 1.4 and 5.1).
 *
 * <p>Bytes behind the vmdescription are allowed, as QEMU ignores them.
 */
public final class MappedRamTail {

    /** The longest device state that is read; that of a machine with 80 devices has 2 MiB. */
    public static final int MAX_LENGTH_BYTES = 256 << 20;

    private static final int FOOTER_BYTES = 5;

    private final MappedRamHead head;
    private final byte[] bytes;
    private final long positionBytes;
    private final List<Section> early = new ArrayList<>();
    private int at;

    private MappedRamTail(MappedRamHead head, byte[] bytes, long positionBytes) {
        this.head = head;
        this.bytes = bytes;
        this.positionBytes = positionBytes;
    }

    /**
     * Reads the tail.
     *
     * @param endBytes where it ends at the latest: the end of the file, or where what is not QEMU's starts
     * @throws StreamFormatException if it cannot be split into its sections
     */
    public static VmState read(PositionedInput file, MappedRamHead head, long endBytes) throws IOException {
        long start = head.endBytes();
        long length = Math.min(endBytes, file.lengthBytes()) - start;
        if (length > MAX_LENGTH_BYTES) {
            throw new StreamFormatException(
                    start, "device state", "at most " + MAX_LENGTH_BYTES + " bytes", length + " bytes");
        }
        byte[] tail = new byte[(int) Math.max(0, length)];
        FileReader.read(file, start, tail.length, "device state").get(tail);
        return new MappedRamTail(head, tail, start).read();
    }

    private VmState read() throws StreamFormatException {
        endOfRam();
        while (true) {
            int type = peek();
            if (type == SectionType.PART.wireByte() || type == SectionType.END.wireByte()) {
                at++;
                sectionId();
                endOfRam();
                if (type == SectionType.END.wireByte()) {
                    return state(split());
                }
            } else if (type == SectionType.COMMAND.wireByte()) {
                need(5);
                int length = ((bytes[at + 3] & 0xff) << 8) | (bytes[at + 4] & 0xff);
                at += 5;
                need(length);
                at += length;
            } else if (type == SectionType.FULL.wireByte()) {
                int begin = at;
                if (earlySection()) {
                    continue;
                }
                // a background snapshot has no END of RAM: this is the first of its device sections
                at = begin;
                return state(split());
            } else {
                throw unexpected("a section of ram, a command or a device section", "byte 0x%02x".formatted(type));
            }
        }
    }

    private VmState state(DeviceSections devices) {
        List<Section> all = new ArrayList<>(early);
        all.addAll(devices.sections());
        return new VmState(head.configuration(), head.ramSectionId(), all, devices.vmdescription());
    }

    /** Splits the rest; where more follows the vmdescription, up to the first end that fits. */
    private DeviceSections split() throws StreamFormatException {
        byte[] rest = Arrays.copyOfRange(bytes, at, bytes.length);
        StreamFormatException first;
        try {
            return SectionSplitter.split(rest, positionBytes + at, early);
        } catch (StreamFormatException e) {
            first = e;
        }
        for (int eof = 0; eof < rest.length - 7; eof++) {
            if (rest[eof] == SectionType.EOF.wireByte()
                    && rest[eof + 1] == SectionType.VMDESCRIPTION.wireByte()
                    && rest[eof + 6] == '{') {
                int length = ByteBuffer.wrap(rest).getInt(eof + 2);
                if (length > 0 && length < rest.length - eof - 6) {
                    try {
                        return SectionSplitter.split(Arrays.copyOf(rest, eof + 6 + length), positionBytes + at, early);
                    } catch (StreamFormatException e) {
                        first.addSuppressed(e);
                    }
                }
            }
        }
        throw first;
    }

    /** Reads a FULL section that is followed by more of the set-up; false if there is no such end. */
    private boolean earlySection() throws StreamFormatException {
        need(6);
        int sectionId = int32(at + 1);
        int idBytes = bytes[at + 5] & 0xff;
        need(6 + idBytes + 8);
        int payload = at + 6 + idBytes + 8;
        for (int end = payload; end <= bytes.length - FOOTER_BYTES - FOOTER_BYTES; end++) {
            if (bytes[end] == SectionType.FOOTER.wireByte()
                    && int32(end + 1) == sectionId
                    && setUpGoesOn(end + FOOTER_BYTES)) {
                early.add(new Section(
                        SectionType.FULL,
                        sectionId,
                        new String(bytes, at + 6, idBytes, StandardCharsets.UTF_8),
                        int32(payload - 8),
                        int32(payload - 4),
                        Arrays.copyOfRange(bytes, payload, end),
                        true));
                at = end + FOOTER_BYTES;
                return true;
            }
        }
        return false;
    }

    /** Whether a further section of ram stands here: type, id, EOS and footer, 18 exact bytes. */
    private boolean setUpGoesOn(int next) {
        return next + 18 <= bytes.length
                && (bytes[next] == SectionType.PART.wireByte() || bytes[next] == SectionType.END.wireByte())
                && int32(next + 1) == head.ramSectionId()
                && ByteBuffer.wrap(bytes).getLong(next + 5) == MappedRamHead.EOS
                && bytes[next + 13] == SectionType.FOOTER.wireByte()
                && int32(next + 14) == head.ramSectionId();
    }

    /** The records of a section of RAM: none but EOS, for the pages have their own place. Then its footer. */
    private void endOfRam() throws StreamFormatException {
        need(8);
        long word = ByteBuffer.wrap(bytes).getLong(at);
        if (word != MappedRamHead.EOS) {
            throw unexpected("EOS alone in a section of ram of a mapped-ram file", "0x%x".formatted(word));
        }
        at += 8;
        if (peek() != SectionType.FOOTER.wireByte()) {
            throw unexpected("the footer of ram", "byte 0x%02x".formatted(peek()));
        }
        at++;
        sectionId();
    }

    private void sectionId() throws StreamFormatException {
        need(4);
        int id = int32(at);
        if (id != head.ramSectionId()) {
            throw unexpected(
                    "the section id of ram, " + Integer.toUnsignedString(head.ramSectionId()),
                    Integer.toUnsignedString(id));
        }
        at += 4;
    }

    private int peek() throws StreamFormatException {
        need(1);
        return bytes[at] & 0xff;
    }

    private int int32(int index) {
        return ByteBuffer.wrap(bytes).getInt(index);
    }

    private void need(int lengthBytes) throws StreamFormatException {
        if (lengthBytes > bytes.length - at) {
            throw new StreamFormatException(
                    positionBytes + bytes.length, "device state", "more sections", "the end of the file");
        }
    }

    private StreamFormatException unexpected(String expected, String found) {
        return new StreamFormatException(positionBytes + at, "device state", expected, found);
    }
}
