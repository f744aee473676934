package dev.godwit.qemu.vmstate;

import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The header of a FULL section: {@code u8 type, u32 section_id, u8 n, n bytes idstr, u32 instance_id, u32 version_id}
 * (qemu-migration specification section 1.3).
 *
 * @param payloadStart where the payload begins, an index of the bytes read from
 */
record FullHeader(int sectionId, String idstr, int instanceId, int versionId, int payloadStart) {

    static final int FOOTER_BYTES = 5;

    private static final int NAME_AT = 6;
    private static final int MAX_PLAUSIBLE_INSTANCE_ID = 1 << 24;
    private static final int MAX_PLAUSIBLE_VERSION_ID = 1 << 12;

    /** {@return the header at an index, if there is a whole one of the right type with a name} */
    static Optional<FullHeader> at(byte[] bytes, int index, int limit) {
        if (limit - index < NAME_AT || bytes[index] != SectionType.FULL.wireByte()) {
            return Optional.empty();
        }
        int nameBytes = bytes[index + NAME_AT - 1] & 0xff;
        if (nameBytes == 0 || limit - index - NAME_AT < nameBytes + 8) {
            return Optional.empty();
        }
        int afterName = index + NAME_AT + nameBytes;
        return Optional.of(new FullHeader(
                int32(bytes, index + 1),
                new String(bytes, index + NAME_AT, nameBytes, StandardCharsets.UTF_8),
                int32(bytes, afterName),
                int32(bytes, afterName + 4),
                afterName + 8));
    }

    /** {@return where the payload begins of what looks like a header at an index, or -1} Allocates nothing. */
    static int plausiblePayloadStart(byte[] bytes, int index, int limit) {
        if (limit - index < NAME_AT || bytes[index] != SectionType.FULL.wireByte()) {
            return -1;
        }
        int nameBytes = bytes[index + NAME_AT - 1] & 0xff;
        if (nameBytes == 0 || limit - index - NAME_AT < nameBytes + 8) {
            return -1;
        }
        int afterName = index + NAME_AT + nameBytes;
        for (int at = index + NAME_AT; at < afterName; at++) {
            if (bytes[at] < 0x20 || bytes[at] == 0x7f) {
                return -1;
            }
        }
        boolean plausible = Integer.compareUnsigned(int32(bytes, afterName), MAX_PLAUSIBLE_INSTANCE_ID) < 0
                && Integer.compareUnsigned(int32(bytes, afterName + 4), MAX_PLAUSIBLE_VERSION_ID) < 0;
        return plausible ? afterName + 8 : -1;
    }

    /** {@return whether the footer of a section stands at an index} */
    static boolean footerAt(byte[] bytes, long index, int limit, int sectionId) {
        return index <= limit - FOOTER_BYTES
                && bytes[(int) index] == SectionType.FOOTER.wireByte()
                && int32(bytes, (int) index + 1) == sectionId;
    }

    static int int32(byte[] bytes, int index) {
        return bytes[index] << 24
                | (bytes[index + 1] & 0xff) << 16
                | (bytes[index + 2] & 0xff) << 8
                | (bytes[index + 3] & 0xff);
    }

    /** {@return the section whose payload ends at an index} */
    Section section(byte[] bytes, int payloadEnd) {
        return new Section(
                SectionType.FULL,
                sectionId,
                idstr,
                instanceId,
                versionId,
                Arrays.copyOfRange(bytes, payloadStart, payloadEnd),
                false);
    }
}
