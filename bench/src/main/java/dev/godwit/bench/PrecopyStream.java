package dev.godwit.bench;

import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.RamBlockList;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.StreamWriter;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/** A precopy stream in memory: one block, one round, no devices. */
final class PrecopyStream {

    private PrecopyStream() {}

    /** {@return a stream of pages, every second one zero or none} */
    static byte[] of(int pages, boolean halfZero) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        StreamWriter writer = new StreamWriter(output);
        RamLayout layout = new RamLayout(List.of(new RamBlock("pc.ram", (long) pages * Page.SIZE_BYTES)));
        SectionHeader ram = new SectionHeader(SectionType.START, 2, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION);
        writer.header();
        writer.configuration(new Configuration("pc", OptionalInt.empty(), List.of(), Optional.empty()));
        writer.beginRamSection(ram);
        writer.blockList(RamBlockList.of(layout));
        writer.endOfRecords();
        writer.endRamSection(ram);
        writer.beginRamSection(ram.as(SectionType.END));
        writePages(writer, pages, halfZero);
        writer.endOfRecords();
        writer.endRamSection(ram.as(SectionType.END));
        writer.endOfStream();
        writer.vmdescription("{\"page_size\": 4096, \"devices\": []}".getBytes(StandardCharsets.UTF_8));
        output.flush();
        return bytes.toByteArray();
    }

    private static void writePages(StreamWriter writer, int pages, boolean halfZero) throws IOException {
        byte[] content = new byte[Page.SIZE_BYTES];
        new SplittableRandom(25).nextBytes(content);
        MemorySegment page = MemorySegment.ofArray(content);
        for (int index = 0; index < pages; index++) {
            long offsetBytes = (long) index * Page.SIZE_BYTES;
            if (halfZero && index % 2 == 1) {
                writer.zeroPage(0, offsetBytes, index > 0);
            } else {
                writer.page(0, offsetBytes, index > 0, page);
            }
        }
    }
}
