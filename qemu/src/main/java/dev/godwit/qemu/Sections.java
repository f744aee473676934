package dev.godwit.qemu;

import java.io.IOException;

/** Reads and writes what frames a section; the byte table is at {@link SectionHeader}. */
public final class Sections {

    private Sections() {}

    /**
     * Reads the full header of START or FULL, from behind its type byte.
     *
     * @throws dev.godwit.engine.StreamFormatException if the idstr is empty
     */
    public static SectionHeader readFullHeader(ByteInput input, SectionType type) throws IOException {
        input.section("section header");
        int sectionId = input.u32();
        String idstr = input.countedString("a section's idstr");
        if (idstr.isEmpty()) {
            throw input.unexpectedAt(input.position() - 1, "a section's idstr", "an empty one");
        }
        return new SectionHeader(type, sectionId, idstr, input.u32(), input.u32());
    }

    /**
     * Reads a footer.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is missing or of another section
     */
    public static void readFooter(ByteInput input, int sectionId) throws IOException {
        int type = input.u8();
        if (type != SectionType.FOOTER.wireByte()) {
            throw input.unexpectedAt(
                    input.position() - 1, "the section's footer (0x7e)", "byte 0x%02x".formatted(type));
        }
        int found = input.u32();
        if (found != sectionId) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "the footer of section " + Integer.toUnsignedString(sectionId),
                    "that of section " + Integer.toUnsignedString(found));
        }
    }

    /** Writes a header, full or short as its type wants. */
    public static void writeHeader(ByteOutput output, SectionHeader header) throws IOException {
        output.u8(header.type().wireByte());
        output.u32(header.sectionId());
        if (header.type() == SectionType.START || header.type() == SectionType.FULL) {
            output.countedString(header.idstr());
            output.u32(header.instanceId());
            output.u32(header.versionId());
        }
    }

    /** Writes a footer. */
    public static void writeFooter(ByteOutput output, int sectionId) throws IOException {
        output.u8(SectionType.FOOTER.wireByte());
        output.u32(sectionId);
    }

    /** Writes a section whole. */
    public static void write(ByteOutput output, Section section) throws IOException {
        writeHeader(
                output,
                new SectionHeader(
                        section.type(),
                        section.sectionId(),
                        section.idstr(),
                        section.instanceId(),
                        section.versionId()));
        output.write(section.payload());
        writeFooter(output, section.sectionId());
    }
}
