package dev.godwit.qemu;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Writes what stands around the pages of a precopy stream, whatever they come from: a machine that runs or a snapshot
 * (qemu-migration specification section 1.4).
 *
 * <pre>
 * header, configuration
 * OPEN_RETURN_PATH, PING 1           where there is a return path
 * START ram: block list, records, EOS
 * PART ram, END ram: records, EOS
 * sections, EOF, VMDESCRIPTION
 * </pre>
 */
final class PrecopyFrame {

    /** The PING by which a destination shows that it answers. */
    static final int PING_AT_START = 1;

    private final StreamWriter writer;
    private final SectionHeader start;
    private SectionHeader open;

    PrecopyFrame(StreamWriter writer, int ramSectionId) {
        this.writer = writer;
        this.start =
                new SectionHeader(SectionType.START, ramSectionId, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION);
        this.open = start;
    }

    StreamWriter writer() {
        return writer;
    }

    void begin(Configuration configuration, boolean returnPath) throws IOException {
        writer.header();
        writer.configuration(configuration);
        if (returnPath) {
            writer.command(new Command.OpenReturnPath());
            writer.command(new Command.Ping(PING_AT_START));
        }
    }

    /** The START section, with the blocks. */
    void beginStart(RamBlockList blocks) throws IOException {
        beginRam(SectionType.START);
        writer.blockList(blocks);
    }

    void beginRam(SectionType type) throws IOException {
        open = start.as(type);
        writer.beginRamSection(open);
    }

    /** Ends the section that was begun last. */
    void endRam() throws IOException {
        writer.endOfRecords();
        writer.endRamSection(open);
    }

    void sections(List<Section> sections) throws IOException {
        for (Section section : sections) {
            writer.section(section);
        }
    }

    void end(Optional<byte[]> vmdescription) throws IOException {
        writer.endOfStream();
        if (vmdescription.isPresent()) {
            writer.vmdescription(vmdescription.get());
        }
    }
}
