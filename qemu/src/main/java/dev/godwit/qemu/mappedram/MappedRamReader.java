package dev.godwit.qemu.mappedram;

import dev.godwit.engine.HeapNeed;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.Command;
import dev.godwit.qemu.Commands;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.ConfigurationSection;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.StreamHeader;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads the head of a mapped-ram file; the byte tables are at {@link MappedRamHead}, {@link MappedRamBlock} and
 * {@link MappedRamHeader}. Takes no word of the file on trust: every place lies inside the file and behind what came
 * before it, so no two areas overlap.
 */
public final class MappedRamReader {

    /** More than any machine has. */
    private static final int MAX_BLOCKS = 65536;

    private static final int MAX_COMMANDS = 16;
    private static final int MAX_ID_BYTES = 255;
    /** With a bitmap of 1 GiB. */
    private static final long MAX_TOTAL_BYTES = 1L << 45;

    private final PositionedInput file;
    private final List<MappedRamBlock> blocks = new ArrayList<>();
    private final Set<String> ids = new HashSet<>();
    private String section = "ram START";

    private MappedRamReader(PositionedInput file) {
        this.file = file;
    }

    /**
     * {@return whether the file has a migration stream whose configuration says mapped-ram}
     *
     * @param startBytes where the stream starts in the file
     * @throws StreamFormatException if there is no migration stream, or its configuration is damaged
     */
    public static boolean isMappedRam(PositionedInput file, long startBytes) throws IOException {
        return readConfiguration(new ByteInput(FileReader.channel(file, startBytes), startBytes))
                .capabilities()
                .contains(Configuration.MAPPED_RAM);
    }

    /**
     * Reads the head.
     *
     * @param startBytes where the stream starts in the file
     * @throws StreamFormatException if it is not the head of a mapped-ram file, or not a sound one
     * @throws IOException if it cannot be read, or as {@link #checkTotal} says
     */
    public static MappedRamHead readHead(PositionedInput file, long startBytes) throws IOException {
        ByteInput input = new ByteInput(FileReader.channel(file, startBytes), startBytes);
        Configuration configuration = readConfiguration(input);
        if (!configuration.capabilities().contains(Configuration.MAPPED_RAM)) {
            throw input.unexpected(
                    "the capability mapped-ram", configuration.capabilities().toString());
        }
        if (configuration.capabilities().contains(Configuration.X_IGNORE_SHARED)) {
            throw input.unexpected("mapped-ram alone", "x-ignore-shared too, which QEMU itself cannot read with it");
        }
        int type = typeBehindCommands(input);
        if (type != SectionType.START.wireByte()) {
            throw input.unexpectedAt(input.position() - 1, "the START section of ram", "byte " + type);
        }
        long headerAt = input.position();
        SectionHeader header = Sections.readFullHeader(input, SectionType.START);
        if (!header.idstr().equals(SectionHeader.RAM) || header.versionId() != SectionHeader.RAM_VERSION) {
            throw input.unexpectedAt(
                    headerAt, "the START section of ram, version 4", header.idstr() + " version " + header.versionId());
        }
        long word = input.u64();
        if ((word & Page.SIZE_BYTES - 1) != MappedRamHead.MEM_SIZE
                || word - MappedRamHead.MEM_SIZE < Page.SIZE_BYTES
                || word > RamBlock.MAX_LENGTH_BYTES + MappedRamHead.MEM_SIZE) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "a block list of 4096 to " + RamBlock.MAX_LENGTH_BYTES + " bytes of RAM",
                    "0x%x".formatted(word));
        }
        long totalBytes = word - MappedRamHead.MEM_SIZE;
        checkTotal(totalBytes);
        MappedRamReader reader = new MappedRamReader(file);
        reader.readBlocks(input.position(), totalBytes);
        return new MappedRamHead(configuration, header.sectionId(), startBytes, new MappedRamLayout(reader.blocks));
    }

    /** {@return the type of the first section} QEMU announces dirty bitmaps by a command before RAM. */
    private static int typeBehindCommands(ByteInput input) throws IOException {
        for (int commands = 0; ; commands++) {
            long at = input.position();
            int type = input.u8();
            if (type != SectionType.COMMAND.wireByte()) {
                return type;
            }
            Command command = Commands.read(input);
            if (commands == MAX_COMMANDS || !(command instanceof Command.PostcopyAdviseBitmaps)) {
                throw input.unexpectedAt(
                        at, "the START section of ram of a mapped-ram file", "command " + command.commandName());
            }
        }
    }

    private static Configuration readConfiguration(ByteInput input) throws IOException {
        StreamHeader.read(input);
        return ConfigurationSection.read(input);
    }

    private void readBlocks(long firstEntryBytes, long totalBytes) throws IOException {
        long at = firstEntryBytes;
        long left = totalBytes;
        while (left > 0) {
            if (blocks.size() == MAX_BLOCKS) {
                throw new StreamFormatException(at, section, "at most " + MAX_BLOCKS + " RAM blocks", "more");
            }
            MappedRamBlock block = readBlock(at, left);
            blocks.add(block);
            left -= block.block().lengthBytes();
            at = block.pagesEndBytes();
        }
    }

    /**
     * Checks that the bitmaps of a guest's blocks, which are held in memory, fit into it.
     *
     * @param totalBytes the length of all blocks together
     * @throws IOException if the guest is too large for this JVM's heap, or for any
     */
    public static void checkTotal(long totalBytes) throws IOException {
        if (totalBytes > MAX_TOTAL_BYTES) {
            throw new IOException(totalBytes + " bytes of RAM, and at most " + MAX_TOTAL_BYTES + " are supported");
        }
        HeapNeed need = new HeapNeed(totalBytes / Page.SIZE_BYTES / Byte.SIZE * 2); // a copy of each while it is read
        if (!need.fits()) {
            throw new IOException(totalBytes + " bytes of RAM, whose page bitmaps need " + need.remedy());
        }
    }

    private MappedRamBlock readBlock(long at, long leftBytes) throws IOException {
        section = "ram START";
        int idBytes = FileReader.read(file, at, 1, section).get() & 0xff;
        ByteBuffer entry = FileReader.read(file, at, MappedRamBlock.entryLengthBytes(idBytes), section);
        String id = id(at, entry, idBytes);
        section = "ram START, block " + id;
        if (!ids.add(id)) {
            throw new StreamFormatException(at, section, "a RAM block's id once", "the same id again");
        }
        long lengthBytes = entry.getLong();
        if (lengthBytes <= 0 || lengthBytes > leftBytes || lengthBytes % Page.SIZE_BYTES != 0) {
            throw new StreamFormatException(
                    at + 1 + idBytes,
                    section,
                    "a length of whole pages, at most the " + leftBytes + " bytes that the total leaves",
                    Long.toUnsignedString(lengthBytes));
        }
        long headerAt = at + 1 + idBytes + Long.BYTES;
        MappedRamHeader header = MappedRamHeader.read(entry, headerAt, section);
        MappedRamBlock block = new MappedRamBlock(new RamBlock(id, lengthBytes), at, header);
        checkPlaces(block, headerAt);
        return block;
    }

    private String id(long at, ByteBuffer entry, int idBytes) throws StreamFormatException {
        byte[] id = new byte[idBytes];
        entry.get(1, id);
        entry.position(1 + idBytes);
        if (idBytes < 1 || idBytes > MAX_ID_BYTES) {
            throw new StreamFormatException(at, section, "a RAM block's id", "an empty one");
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(id))
                    .toString();
        } catch (CharacterCodingException _) {
            throw new StreamFormatException(at, section, "a RAM block's id in UTF-8", "bytes that are not");
        }
    }

    /** Bitmap behind the header, pages behind the bitmap, all inside the file: so nothing overlaps. */
    private void checkPlaces(MappedRamBlock block, long headerAt) throws StreamFormatException {
        long headerEnd = headerAt + MappedRamHeader.LENGTH_BYTES;
        long bitmap = block.header().bitmapOffsetBytes();
        long pages = block.header().pagesOffsetBytes();
        if (bitmap < headerEnd || bitmap > file.lengthBytes() - block.bitmapLengthBytes()) {
            throw new StreamFormatException(
                    headerAt + 12,
                    section,
                    "a bitmap of " + block.bitmapLengthBytes() + " bytes between the header's end at byte " + headerEnd
                            + " and the file's end at byte " + file.lengthBytes(),
                    "one at byte " + Long.toUnsignedString(bitmap));
        }
        if (pages < block.bitmapEndBytes()
                || pages > file.lengthBytes() - block.block().lengthBytes()) {
            throw new StreamFormatException(
                    headerAt + 20,
                    section,
                    "pages of " + block.block().lengthBytes() + " bytes between the bitmap's end at byte "
                            + block.bitmapEndBytes() + " and the file's end at byte " + file.lengthBytes(),
                    "them at byte " + Long.toUnsignedString(pages));
        }
    }

    /**
     * Reads which pages of a block are present.
     *
     * @throws StreamFormatException if bits past the last page are set
     */
    public static PageBitmap readBitmap(PositionedInput file, MappedRamBlock block) throws IOException {
        PageBitmap bitmap = new PageBitmap(block.block().pages());
        String section = "bitmap of block " + block.block().id();
        long at = block.header().bitmapOffsetBytes();
        ByteBuffer bytes = FileReader.read(file, at, Math.toIntExact(block.bitmapLengthBytes()), section);
        if (!bitmap.readFrom(MemorySegment.ofBuffer(bytes))) {
            throw new StreamFormatException(
                    block.bitmapEndBytes() - 8, section, "clear bits past the last page", "bits that are set");
        }
        return bitmap;
    }
}
