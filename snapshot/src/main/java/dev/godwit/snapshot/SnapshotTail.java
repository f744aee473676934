package dev.godwit.snapshot;

import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.ram.PageBitmap;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** Writes all of a snapshot that is no page: head, bitmaps, sections, trailer. */
final class SnapshotTail {

    private static final long RAM_EOS = 0x010;
    private static final int MAGIC_BYTES = 4;

    private final OpenFile file;
    private final PageStore pages;
    private final long startBytes;
    private final int headRoomBytes;
    private final List<FilePart> parts = new ArrayList<>();
    private long at;

    /**
     * A writer.
     *
     * @param startBytes where the head starts in the file
     * @param headRoomBytes how far behind that the plan put the first block's entry: it moves up to the real head's end
     */
    SnapshotTail(OpenFile file, PageStore pages, long startBytes, int headRoomBytes) {
        this.startBytes = startBytes;
        this.file = file;
        this.pages = pages;
        this.headRoomBytes = headRoomBytes;
    }

    /**
     * Writes it.
     *
     * @param whole whether the file holds all that it should; one that does not has no magic, so that nobody loads it
     */
    void write(VmState state, CreationFacts facts, boolean whole) throws IOException {
        Configuration configuration = state.configuration().withCapabilities(List.of(Configuration.MAPPED_RAM));
        long totalBytes = pages.layout().ram().totalBytes();
        byte[] opening = MappedRamHead.opening(configuration, state.ramSectionId(), totalBytes);
        if (opening.length > headRoomBytes) {
            throw new IOException("the configuration is too long for a snapshot: " + opening.length + " bytes");
        }
        parts.add(new FilePart(
                FilePart.Kind.HEAD,
                -1,
                "the stream's header and configuration",
                startBytes,
                opening.length,
                TrailerWriter.crc32c(opening, opening.length)));
        MappedRamLayout layout = pages.layout().withFirstEntryAt(startBytes + opening.length);
        for (int index = 0; index < layout.blocks().size(); index++) {
            block(index, layout.blocks().get(index));
        }
        at = layout.endBytes();
        sections(state);
        // Last, so that a file in which it stands has everything that a reader needs.
        int from = whole ? 0 : MAGIC_BYTES;
        file.write(startBytes + from, MemorySegment.ofArray(opening).asSlice(from));
        long end = new TrailerWriter(file, parts, at)
                .write(layout.blocks(), configuration.machineType(), facts, pages.hashes(), pages.present());
        file.truncate(end);
    }

    private void block(int index, MappedRamBlock block) throws IOException {
        at = block.entryOffsetBytes();
        String id = block.block().id();
        put(FilePart.Kind.BLOCK_ENTRY, index, id, block.entry());
        PageBitmap present = pages.present().get(index);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bitmap = arena.allocate(present.lengthBytes());
            present.writeTo(bitmap);
            put(FilePart.Kind.BITMAP, index, id, bitmap);
        }
    }

    private void sections(VmState state) throws IOException {
        int ram = state.ramSectionId();
        SectionHeader header = new SectionHeader(SectionType.END, ram, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION);
        put(FilePart.Kind.RAM_END, -1, "the end of ram START", bytes(output -> {
            output.u64(RAM_EOS);
            Sections.writeFooter(output, ram);
        }));
        for (Section section : state.sections()) {
            if (section.setup()) {
                put(FilePart.Kind.DEVICE, -1, section.name(), bytes(output -> Sections.write(output, section)));
            }
        }
        put(FilePart.Kind.RAM_END, -1, "ram END", bytes(output -> {
            Sections.writeHeader(output, header);
            output.u64(RAM_EOS);
            Sections.writeFooter(output, ram);
        }));
        for (Section section : state.sections()) {
            if (!section.setup()) {
                put(FilePart.Kind.DEVICE, -1, section.name(), bytes(output -> Sections.write(output, section)));
            }
        }
        put(FilePart.Kind.EOF, -1, "the end of the stream", new byte[] {(byte) SectionType.EOF.wireByte()});
        if (state.vmdescription().isPresent()) {
            byte[] json = state.vmdescription().get();
            put(FilePart.Kind.VMDESCRIPTION, -1, "vmdescription", bytes(output -> {
                output.u8(SectionType.VMDESCRIPTION.wireByte());
                output.u32(json.length);
                output.write(json);
            }));
        }
    }

    private interface Content {
        void writeTo(ByteOutput output) throws IOException;
    }

    private static byte[] bytes(Content content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = ByteOutput.ofLittle(Channels.newChannel(bytes));
        content.writeTo(output);
        output.flush();
        return bytes.toByteArray();
    }

    private void put(FilePart.Kind kind, int block, String name, byte[] content) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            put(kind, block, name, arena.allocate(content.length).copyFrom(MemorySegment.ofArray(content)));
        }
    }

    private void put(FilePart.Kind kind, int block, String name, MemorySegment content) throws IOException {
        ByteBuffer bytes = content.asByteBuffer();
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        file.write(at, content);
        parts.add(new FilePart(kind, block, name, at, content.byteSize(), (int) crc.getValue()));
        at += content.byteSize();
    }
}
