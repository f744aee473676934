package dev.godwit.qemu;

import dev.godwit.engine.HeapNeed;
import dev.godwit.qemu.vmstate.DeviceSections;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a migration stream and tells a visitor every element of it, in order (qemu-migration specification sections 1
 * to 3 and 6): precopy, background-snapshot and the main channel of postcopy, of QEMU 7.2 to 10.0.
 *
 * <pre>
 * header, configuration
 * COMMAND*, START*, early FULL*      setup
 * PART*, COMMAND*                    with PACKAGED blobs, in postcopy
 * END*                               none in a background snapshot
 * FULL*, EOF, VMDESCRIPTION          the tail; only EOF in postcopy
 * </pre>
 *
 * <p>Device sections carry no length. Those of the tail are split by the vmdescription, early ones by their footer. An
 * iterable other than RAM and dirty bitmaps cannot be delimited and is refused.
 *
 * <p>Owned by one thread. After an exception the visitor has heard all that was good before it.
 */
public final class StreamReader {

    /** What the sections that are not RAM and not in the tail may cost together. */
    private static final int MAX_CARRIED_BYTES = HeapNeed.limit(256 << 20, 8);

    private static final int MAX_ITERABLES = 4096;

    private final ByteInput input;
    private final StreamOptions options;
    private final StreamVisitor visitor;
    private final Map<Integer, SectionHeader> iterables;
    private final Set<Integer> ended;
    private final List<Section> early = new ArrayList<>();
    private @Nullable Configuration configuration;
    private Command.@Nullable PostcopyAdvise advise;
    private @Nullable RamRecordReader ram;
    private boolean adviseSeen;
    private boolean partSeen;
    private boolean ramEnded;
    private boolean postcopy;
    private boolean packagedRead;
    private long carriedBytes;

    /**
     * A reader of one stream.
     *
     * @param input at the first byte of the header
     * @param options what the stream does not say
     * @param visitor hears the elements
     */
    public StreamReader(ByteInput input, StreamOptions options, StreamVisitor visitor) {
        this(input, options, visitor, new HashMap<>(), new HashSet<>());
    }

    private StreamReader(
            ByteInput input,
            StreamOptions options,
            StreamVisitor visitor,
            Map<Integer, SectionHeader> iterables,
            Set<Integer> ended) {
        this.input = input;
        this.options = options;
        this.visitor = visitor;
        this.iterables = iterables;
        this.ended = ended;
    }

    /**
     * Reads the stream to its end: the end of the input, or the end of the vmdescription where the channel stays open,
     * or EOF in postcopy.
     *
     * @throws dev.godwit.engine.StreamFormatException if the stream is damaged, cut off, or not supported
     * @throws IOException if the channel fails, or the visitor does
     */
    public void read() throws IOException {
        readConfiguration();
        readElements();
    }

    /**
     * Reads the stream up to where the source goes over to postcopy, the PACKAGED blob included, or to its end.
     *
     * @return whether it goes on behind a PACKAGED blob; {@link #readOn} reads the rest
     * @throws IOException as {@link #read}
     */
    boolean readUntilPackaged() throws IOException {
        readConfiguration();
        boolean more = true;
        while (more && !packagedRead) {
            more = readElement();
        }
        return more;
    }

    /** Reads the rest of the stream, to EOF; see {@link #readUntilPackaged}. */
    void readOn() throws IOException {
        readElements();
    }

    private void readConfiguration() throws IOException {
        StreamHeader.read(input);
        visitor.header();
        Configuration read = ConfigurationSection.read(input);
        if (read.capabilities().contains(Configuration.MAPPED_RAM)
                && options.mapped().equals(MappedBlockReader.NONE)) {
            throw input.unexpected("a stream with its pages in records", "capability mapped-ram: a file, not a stream");
        }
        configuration = read;
        visitor.configuration(read);
    }

    /** {@return the blocks, as the source has them} */
    RamLayout layout() {
        RamLayout layout = ram == null ? null : ram.layout();
        if (layout == null) {
            throw new IllegalStateException("no block list yet");
        }
        return layout;
    }

    /**
     * {@return a reader of the connection that takes over from this one's in a postcopy recovery} It has no header;
     * sections keep their ids and the first page names its block.
     *
     * @param connection the new connection
     * @param next hears the elements from there on
     * @throws IllegalStateException if this reader has not come past the block list
     */
    public StreamReader resumedOn(ByteInput connection, StreamVisitor next) {
        // an END whose EOF was lost with its connection comes again
        StreamReader resumed = new StreamReader(connection, options, next, iterables, new HashSet<>());
        resumed.ram = new RamRecordReader(connection, blockLists(Set.of()), layout());
        resumed.configuration = configuration;
        resumed.adviseSeen = adviseSeen;
        resumed.partSeen = true;
        resumed.postcopy = true;
        return resumed;
    }

    /**
     * {@return a reader of what follows the pages of a mapped-ram file} What comes before them has been read elsewhere;
     * {@link #readBehindPages} reads on.
     *
     * @param input behind the last block's pages, at the EOS of RAM's START section
     * @param options what the file does not say
     * @param visitor hears the elements from there on
     * @param read the file's configuration
     * @param ramSectionId the id of the RAM section
     * @param blocks the blocks of its list
     */
    public static StreamReader behindPages(
            ByteInput input,
            StreamOptions options,
            StreamVisitor visitor,
            Configuration read,
            int ramSectionId,
            RamLayout blocks) {
        StreamReader reader = new StreamReader(input, options, visitor);
        reader.configuration = read;
        reader.iterables.put(
                ramSectionId,
                new SectionHeader(SectionType.START, ramSectionId, SectionHeader.RAM, 0, SectionHeader.RAM_VERSION));
        MappedBlockReader readElsewhere = (in, _) -> {
            throw in.unexpected("no second block list", "one");
        };
        reader.ram = new RamRecordReader(input, new RamBlockListReader(Set.of(), false, readElsewhere), blocks);
        return reader;
    }

    /** Reads the rest of a mapped-ram file, from the end of its block list; see {@link #behindPages}. */
    public void readBehindPages() throws IOException {
        for (SectionHeader start : List.copyOf(iterables.values())) {
            readIterable(start);
        }
        readElements();
    }

    /** Reads a connection of a postcopy recovery to its EOF; see {@link #resumedOn}. */
    public void readResumed() throws IOException {
        readElements();
    }

    private void readElements() throws IOException {
        boolean more = true;
        while (more) {
            more = readElement();
        }
    }

    /** Reads one element; false if it was the last. */
    private boolean readElement() throws IOException {
        input.section("stream");
        int wireByte = input.peek();
        SectionType type = SectionType.ofWireByte(wireByte)
                .orElseThrow(() -> input.unexpected("a section type", "byte 0x%02x".formatted(wireByte)));
        switch (type) {
            case EOF -> {
                return readEof();
            }
            case START -> readStart();
            case PART, END -> readNext(type);
            case FULL -> {
                if (partSeen || ramEnded) {
                    readTail();
                    return false;
                }
                readEarly();
            }
            case COMMAND -> readCommand();
            case SUBSECTION, VMDESCRIPTION, CONFIGURATION, FOOTER ->
                throw input.unexpected("START, PART, END, FULL, COMMAND or EOF", type.toString());
        }
        return true;
    }

    private boolean readEof() throws IOException {
        if (!postcopy) {
            readTail();
            return false;
        }
        input.u8();
        visitor.endOfStream();
        return false;
    }

    private void readTail() throws IOException {
        input.section("device sections");
        DeviceSections tail = DeviceTail.read(input, options, early);
        for (Section section : tail.sections()) {
            visitor.section(section);
        }
        visitor.endOfStream();
        if (tail.vmdescription().isPresent()) {
            visitor.vmdescription(tail.vmdescription().get());
        }
    }

    private void readCommand() throws IOException {
        input.u8();
        Command command = Commands.read(input);
        switch (command) {
            case Command.PostcopyAdvise read -> {
                checkFirstAdvise();
                advise = read;
            }
            case Command.PostcopyAdviseBitmaps _ -> checkFirstAdvise();
            case Command.Packaged(int lengthBytes) -> {
                postcopy = true;
                visitor.command(command);
                input.section("PACKAGED blob");
                visitor.packaged(input.bytes(lengthBytes));
                packagedRead = true;
                return;
            }
            case Command.PostcopyListen _,
                    Command.PostcopyRun _,
                    Command.RamDiscard _,
                    Command.PostcopyResume _,
                    Command.ReceivedBitmap _ -> postcopy = true;
            case Command.OpenReturnPath _, Command.Ping _, Command.EnableColo _, Command.SwitchoverStart _ -> {}
        }
        visitor.command(command);
    }

    private void checkFirstAdvise() throws IOException {
        if (adviseSeen) {
            throw input.unexpected("one POSTCOPY_ADVISE", "another one");
        }
        adviseSeen = true;
    }

    private void readStart() throws IOException {
        long at = input.position();
        input.u8();
        SectionHeader header = Sections.readFullHeader(input, SectionType.START);
        for (SectionHeader other : iterables.values()) {
            if (other.sectionId() == header.sectionId()
                    || (other.idstr().equals(header.idstr()) && other.instanceId() == header.instanceId())) {
                throw input.unexpectedAt(at, "an iterable once, with an id of its own", describe(header) + " again");
            }
        }
        if (iterables.size() == MAX_ITERABLES) {
            throw input.unexpectedAt(at, "at most " + MAX_ITERABLES + " iterables", "more");
        }
        boolean isRam = header.idstr().equals(SectionHeader.RAM)
                && header.instanceId() == 0
                && header.versionId() == SectionHeader.RAM_VERSION;
        boolean isBitmaps =
                header.idstr().equals(DirtyBitmapSection.IDSTR) && header.versionId() == DirtyBitmapSection.VERSION;
        if (!isRam && !isBitmaps) {
            throw input.unexpectedAt(at, "ram of version 4 or dirty-bitmap of version 1", describe(header));
        }
        iterables.put(header.sectionId(), header);
        if (isRam) {
            ram = new RamRecordReader(input, blockLists(hugePageBlocks()));
        }
        readIterable(header);
    }

    private void readNext(SectionType type) throws IOException {
        long at = input.position();
        input.u8();
        int sectionId = input.u32();
        SectionHeader started = iterables.get(sectionId);
        if (started == null || ended.contains(sectionId)) {
            throw input.unexpectedAt(
                    at,
                    "the id of an iterable between its START and END",
                    type + " of section " + Integer.toUnsignedString(sectionId));
        }
        partSeen = true;
        if (type == SectionType.END) {
            ended.add(sectionId);
        }
        readIterable(started.as(type));
    }

    private void readIterable(SectionHeader header) throws IOException {
        input.section(header.describe());
        if (ram != null && header.idstr().equals(SectionHeader.RAM)) {
            visitor.beginRamSection(header);
            ram.readSection(visitor, header.type() == SectionType.START && ram.layout() == null);
            Sections.readFooter(input, header.sectionId());
            ramEnded |= header.type() == SectionType.END;
            visitor.endRamSection(header);
            return;
        }
        byte[] payload = DirtyBitmapSection.read(input);
        Sections.readFooter(input, header.sectionId());
        carry(section(header, payload));
    }

    private void readEarly() throws IOException {
        input.u8();
        SectionHeader header = Sections.readFullHeader(input, SectionType.FULL);
        input.section(header.describe());
        byte[] payload = new EarlySection(input, iterables::containsKey).readPayload(header.sectionId());
        Section section = section(header, payload);
        early.add(section);
        carry(section);
    }

    private Section section(SectionHeader header, byte[] payload) {
        return new Section(
                header.type(),
                header.sectionId(),
                header.idstr(),
                header.instanceId(),
                header.versionId(),
                payload,
                header.type() == SectionType.START || header.type() == SectionType.FULL);
    }

    private void carry(Section section) throws IOException {
        // The record's own cost counts too, or empty sections by the million would fill the memory.
        carriedBytes += section.payload().length + 256;
        if (carriedBytes > MAX_CARRIED_BYTES) {
            throw input.unexpected("at most " + MAX_CARRIED_BYTES + " bytes of sections beside RAM", "more");
        }
        visitor.section(section);
    }

    private RamBlockListReader blockLists(Set<String> hugePageBlocks) {
        List<String> capabilities = configuration == null ? List.of() : configuration.capabilities();
        boolean mapped = capabilities.contains(Configuration.MAPPED_RAM);
        return new RamBlockListReader(
                hugePageBlocks,
                capabilities.contains(Configuration.X_IGNORE_SHARED),
                mapped ? options.mapped() : MappedBlockReader.NONE);
    }

    private Set<String> hugePageBlocks() throws IOException {
        if (advise == null || advise.pageSizesBytes() == Page.SIZE_BYTES) {
            return Set.of();
        }
        if (options.hugePageBlocks().isEmpty()) {
            throw input.unexpected(
                    "blocks of ordinary pages, or to be told which ones huge pages back",
                    "page sizes 0x" + Long.toHexString(advise.pageSizesBytes()) + " with postcopy-ram on");
        }
        return options.hugePageBlocks();
    }

    private static String describe(SectionHeader header) {
        return header.idstr() + "/" + Integer.toUnsignedString(header.instanceId()) + " version "
                + Integer.toUnsignedString(header.versionId());
    }
}
