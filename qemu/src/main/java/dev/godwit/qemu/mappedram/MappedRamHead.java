package dev.godwit.qemu.mappedram;

import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.ConfigurationSection;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.StreamHeader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;

/**
 * The head of a mapped-ram file: all that stands before the end of the last block's pages (qemu-migration specification
 * section 5.1).
 *
 * <pre>
 * header, configuration with the capability mapped-ram
 * COMMAND POSTCOPY_ADVISE            with dirty-bitmaps only
 * u8 START, u32 section id, counted string "ram", u32 0, u32 4
 * u64 total length | MEM_SIZE
 * for each block: {@link MappedRamBlock}'s entry, bitmap, a hole, pages
 * </pre>
 *
 * @param configuration machine type and validated capabilities
 * @param ramSectionId the id of the RAM section
 * @param startBytes where the stream starts in the file
 * @param layout where the blocks lie
 */
public record MappedRamHead(Configuration configuration, int ramSectionId, long startBytes, MappedRamLayout layout) {

    static final int MEM_SIZE = 0x004;
    static final int EOS = 0x010;

    /**
     * {@return what stands before the first block's entry}
     *
     * @param totalBytes the length of all blocks together
     */
    public static byte[] opening(Configuration configuration, int ramSectionId, long totalBytes) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = ByteOutput.ofLittle(Channels.newChannel(bytes));
        StreamHeader.write(output);
        ConfigurationSection.write(output, configuration);
        Sections.writeHeader(
                output,
                new SectionHeader(SectionType.START, ramSectionId, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION));
        output.u64(totalBytes | MEM_SIZE);
        output.flush();
        return bytes.toByteArray();
    }

    /** {@return where the first byte behind the last area of pages stands} */
    public long endBytes() {
        return layout.endBytes();
    }
}
