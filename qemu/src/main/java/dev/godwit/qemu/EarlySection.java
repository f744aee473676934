package dev.godwit.qemu;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.IntPredicate;

/**
 * Finds the end of a device section that comes before RAM's pages, where no vmdescription can help yet: at the first
 * footer behind which the stream goes on in a way that makes sense (qemu-migration specification section 1.7).
 */
final class EarlySection {

    private static final ValueLayout.OfInt BE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort BE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private static final int FOOTER_BYTES = 5;
    private static final int MAX_ID = 1 << 16;

    private final ByteInput input;
    private final IntPredicate knownIterable;

    /**
     * A search.
     *
     * @param knownIterable whether a section id is that of an iterable that has started
     */
    EarlySection(ByteInput input, IntPredicate knownIterable) {
        this.input = input;
        this.knownIterable = knownIterable;
    }

    /** {@return the payload} The input stands behind the footer then. */
    byte[] readPayload(int sectionId) throws IOException {
        int at = 0;
        boolean ended = false;
        while (true) {
            MemorySegment ahead = input.buffered();
            while (at + FOOTER_BYTES <= ahead.byteSize()) {
                Verdict verdict = footer(ahead, at, sectionId) ? next(ahead, at + FOOTER_BYTES, ended) : Verdict.NO;
                if (verdict == Verdict.YES) {
                    byte[] payload = input.bytes(at);
                    Sections.readFooter(input, sectionId);
                    return payload;
                }
                if (verdict == Verdict.MORE_NEEDED) {
                    break;
                }
                at++;
            }
            if (ended || !input.readMore()) {
                if (ended || input.bufferIsFull()) {
                    throw input.unexpected(
                            "the footer of an early device section within " + ByteInput.BUFFER_BYTES + " bytes",
                            "none that makes sense");
                }
                ended = true;
            }
        }
    }

    private static boolean footer(MemorySegment ahead, int at, int sectionId) {
        return u8(ahead, at) == SectionType.FOOTER.wireByte() && ahead.get(BE_INT, at + 1) == sectionId;
    }

    private enum Verdict {
        YES,
        NO,
        MORE_NEEDED
    }

    /** Whether what stands there can follow a section. */
    private Verdict next(MemorySegment ahead, int at, boolean ended) {
        long there = ahead.byteSize() - at;
        Verdict tooShort = ended ? Verdict.NO : Verdict.MORE_NEEDED;
        if (there < 1) {
            return tooShort;
        }
        return switch (u8(ahead, at)) {
            case 0x00 -> there < 2 ? ended ? Verdict.YES : Verdict.MORE_NEEDED : verdict(u8(ahead, at + 1) == 0x06);
            case 0x01, 0x04 -> fullHeader(ahead, at, tooShort);
            case 0x02, 0x03 -> there < 5 ? tooShort : verdict(knownIterable.test(ahead.get(BE_INT, at + 1)));
            case 0x08 ->
                there < 5
                        ? tooShort
                        : verdict(Commands.plausible(
                                ahead.get(BE_SHORT, at + 1) & 0xffff, ahead.get(BE_SHORT, at + 3) & 0xffff));
            default -> Verdict.NO;
        };
    }

    private static Verdict fullHeader(MemorySegment ahead, int at, Verdict tooShort) {
        long there = ahead.byteSize() - at;
        if (there < 6) {
            return tooShort;
        }
        int idBytes = u8(ahead, at + 5);
        if (idBytes == 0) {
            return Verdict.NO;
        }
        for (int i = 0; i < Math.min(idBytes, there - 6); i++) {
            int letter = u8(ahead, at + 6 + i);
            if (letter < 0x20 || letter > 0x7e) {
                return Verdict.NO;
            }
        }
        int instance = at + 6 + idBytes;
        return instance + 8 > ahead.byteSize() ? tooShort : verdict(plausible(ahead.get(BE_INT, instance + 4)));
    }

    private static boolean plausible(int versionId) {
        return versionId >= 0 && versionId < MAX_ID;
    }

    private static Verdict verdict(boolean yes) {
        return yes ? Verdict.YES : Verdict.NO;
    }

    private static int u8(MemorySegment bytes, long at) {
        return bytes.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    }
}
