package dev.godwit.qemu.vmstate;

import dev.godwit.qemu.SectionType;
import java.util.Arrays;

/**
 * Finds where EOF, VMDESCRIPTION, u32 length and an opening brace stand, if the length reaches exactly to the end.
 *
 * <p>JSON holds no NUL byte, so the last NUL is that of EOF or one of the length's: only a few places come into
 * question.
 */
final class VmDescriptionPlace {

    /** From the EOF byte to the JSON: EOF, type, length. */
    static final int JSON_AFTER_EOF_BYTES = 6;

    private VmDescriptionPlace() {}

    /** {@return the indices that an EOF before a vmdescription may have, last first} */
    static int[] candidates(byte[] bytes, int length) {
        int lastNul = length - 1;
        while (lastNul >= 0 && bytes[lastNul] != 0) {
            lastNul--;
        }
        return candidates(bytes, length, lastNul);
    }

    /** {@return the same where the last NUL is known} */
    static int[] candidates(byte[] bytes, int length, int lastNul) {
        int[] found = new int[JSON_AFTER_EOF_BYTES];
        int count = 0;
        for (int eof = lastNul; eof >= Math.max(0, lastNul - JSON_AFTER_EOF_BYTES + 1); eof--) {
            if (fits(bytes, length, eof)) {
                found[count++] = eof;
            }
        }
        return Arrays.copyOf(found, count);
    }

    /** {@return where the JSON ends that would belong to an EOF at this index, or -1 if none can} */
    static int endOfJson(byte[] bytes, int eof) {
        int json = eof + JSON_AFTER_EOF_BYTES;
        if (json >= bytes.length
                || bytes[eof] != SectionType.EOF.wireByte()
                || bytes[eof + 1] != SectionType.VMDESCRIPTION.wireByte()
                || bytes[json] != '{') {
            return -1;
        }
        int lengthBytes = FullHeader.int32(bytes, eof + 2);
        return lengthBytes > 1 && lengthBytes <= bytes.length - json && bytes[json + lengthBytes - 1] == '}'
                ? json + lengthBytes
                : -1;
    }

    private static boolean fits(byte[] bytes, int length, int eof) {
        int json = eof + JSON_AFTER_EOF_BYTES;
        return json < length
                && bytes[eof] == SectionType.EOF.wireByte()
                && bytes[eof + 1] == SectionType.VMDESCRIPTION.wireByte()
                && FullHeader.int32(bytes, eof + 2) == length - json
                && bytes[json] == '{';
    }
}
