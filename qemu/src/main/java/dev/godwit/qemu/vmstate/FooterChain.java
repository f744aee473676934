package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the ends of FULL sections that nothing describes, by their footers: a footer counts only where what follows it
 * leads, section by section, to the exact end (qemu-migration specification section 1.7).
 *
 * <p>Looks from the end to the start and remembers for each section id the footers that lead to the end, so that the
 * work grows with the length only, whatever the bytes are.
 */
final class FooterChain {

    private static final String SECTION = "device sections";
    private static final int MAX_FOOTERS = 1 << 16;
    private static final int MAX_COMMANDS_IN_A_ROW = 16;

    private final byte[] bytes;
    private final int limit;
    private final long positionBytes;
    private final boolean commands;
    private final Map<Integer, Footers> footersById = new HashMap<>();
    private int footers;

    /** The footers of one section id that lead to the end, the last first. */
    private static final class Footers {
        private int[] ends = new int[2];
        private int size;

        void add(int end) {
            if (size == ends.length) {
                ends = Arrays.copyOf(ends, 2 * size);
            }
            ends[size++] = end;
        }

        /** {@return the first footer at or after an index, or -1} */
        int firstFrom(int index) {
            int low = 0;
            int high = size;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (ends[middle] >= index) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low == 0 ? -1 : ends[low - 1];
        }
    }

    private FooterChain(byte[] bytes, int limit, long positionBytes, boolean commands) {
        this.bytes = bytes;
        this.limit = limit;
        this.positionBytes = positionBytes;
        this.commands = commands;
    }

    /**
     * Splits sections that are followed by an EOF byte.
     *
     * @param eof the index of the EOF byte
     */
    static List<Section> splitToEof(byte[] bytes, int eof, long positionBytes) throws StreamFormatException {
        return new FooterChain(bytes, eof, positionBytes, false).split();
    }

    /** Splits a package that begins and ends with commands, the last of them RUN. */
    static List<Section> splitPackage(byte[] bytes, long positionBytes) throws StreamFormatException {
        return new FooterChain(bytes, bytes.length, positionBytes, true).split();
    }

    private List<Section> split() throws StreamFormatException {
        for (int end = limit - FullHeader.FOOTER_BYTES; end >= 0; end--) {
            if (bytes[end] == SectionType.FOOTER.wireByte() && leadsToEnd(end + FullHeader.FOOTER_BYTES)) {
                if (++footers > MAX_FOOTERS) {
                    throw new StreamFormatException(
                            positionBytes + end, SECTION, "at most " + MAX_FOOTERS + " sections", "more");
                }
                footersById
                        .computeIfAbsent(FullHeader.int32(bytes, end + 1), _ -> new Footers())
                        .add(end);
            }
        }
        if (!leadsToEnd(0)) {
            throw new StreamFormatException(
                    positionBytes,
                    SECTION,
                    "sections whose footers lead to the end at byte " + (positionBytes + limit),
                    "none that do");
        }
        return follow();
    }

    private List<Section> follow() {
        List<Section> sections = new ArrayList<>();
        int at = skipCommands(0);
        while (at < limit) {
            FullHeader header = FullHeader.at(bytes, at, limit).orElseThrow();
            int end = firstFooter(header.sectionId(), header.payloadStart());
            sections.add(header.section(bytes, end));
            at = skipCommands(end + FullHeader.FOOTER_BYTES);
        }
        return sections;
    }

    private boolean leadsToEnd(int from) {
        int at = skipCommands(from);
        if (at == limit) {
            return !commands || endsWithRun(from);
        }
        int payloadStart = at < 0 ? -1 : FullHeader.plausiblePayloadStart(bytes, at, limit);
        return payloadStart >= 0 && firstFooter(FullHeader.int32(bytes, at + 1), payloadStart) >= 0;
    }

    private boolean endsWithRun(int from) {
        return limit - from >= PackagedCommand.HEADER_BYTES
                && PackagedCommand.RUN == PackagedCommand.at(bytes, limit - PackagedCommand.HEADER_BYTES, limit);
    }

    private int firstFooter(int sectionId, int from) {
        Footers candidates = footersById.get(sectionId);
        return candidates == null ? -1 : candidates.firstFrom(from);
    }

    /** {@return where the first thing stands that is no command, or -1 where there are too many or a wrong one} */
    private int skipCommands(int from) {
        int at = from;
        for (int count = 0; commands && at < limit && bytes[at] == SectionType.COMMAND.wireByte(); count++) {
            int command = PackagedCommand.at(bytes, at, limit);
            if (command < 0 || count == MAX_COMMANDS_IN_A_ROW) {
                return -1;
            }
            at += PackagedCommand.HEADER_BYTES + PackagedCommand.payloadBytes(bytes, at);
        }
        return at;
    }
}
