package dev.godwit.qemu;

import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import dev.godwit.codec.ZlibPages;
import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes again what it hears, lists it as the captures' manifest does, and keeps the RAM. */
final class RecordingVisitor implements StreamVisitor {

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final ByteOutput output = new ByteOutput(Channels.newChannel(written));
    private final StreamWriter writer;
    private final MemoryRam ram;
    private final PageLane lane;
    private final List<String> lines = new ArrayList<>();
    private final Map<String, Integer> records = new TreeMap<>();
    private final List<Section> sections = new ArrayList<>();
    private String lastPart = "";
    private int identicalParts;
    private long sectionAt;
    private boolean list;

    /** A visitor of a migration's first connection, or of another where the RAM has blocks already. */
    RecordingVisitor(MemoryRam ram) {
        this.ram = ram;
        this.lane = ram.lane();
        this.writer =
                ram.layout().blocks().isEmpty() ? new StreamWriter(output) : new StreamWriter(output, ram.layout());
    }

    /** What has been written so far. */
    byte[] written() throws IOException {
        output.flush();
        return written.toByteArray();
    }

    List<String> lines() {
        return lines;
    }

    List<Section> sections() {
        return sections;
    }

    /** The records since the last section began, by their flags. */
    Map<String, Integer> records() {
        return records;
    }

    private void line(String text) {
        flushParts();
        lines.add("%08x %s".formatted(output.position(), text));
    }

    private void flushParts() {
        if (identicalParts > 0) {
            lines.add("         (+%d more identical PART)".formatted(identicalParts));
            identicalParts = 0;
        }
        lastPart = "";
    }

    private void record(int flags) {
        records.merge("'0x%x'".formatted(flags), 1, Integer::sum);
    }

    @Override
    public void header() throws IOException {
        line("magic QEVM version 3");
        writer.header();
    }

    @Override
    public void configuration(Configuration configuration) throws IOException {
        line("CONFIGURATION machine='" + configuration.machineType() + "'");
        writer.configuration(configuration);
    }

    @Override
    public void command(Command command) throws IOException {
        line("COMMAND "
                + switch (command) {
                    case Command.RamDiscard _ -> "DISCARD";
                    case Command.Packaged(int lengthBytes) -> "PACKAGED len=" + lengthBytes;
                    default -> command.commandName();
                });
        writer.command(command);
    }

    @Override
    public void packaged(byte[] blob) throws IOException {
        writer.packaged(blob);
    }

    @Override
    public void beginRamSection(SectionHeader header) throws IOException {
        sectionAt = output.position();
        records.clear();
        list = false;
        writer.beginRamSection(header);
    }

    @Override
    public void endRamSection(SectionHeader header) throws IOException {
        writer.endRamSection(header);
        String counted = records.toString().replace("=", ": ");
        String id = " id=" + Integer.toUnsignedString(header.sectionId()) + " 'ram'";
        String end = " end 0x%x".formatted(output.position());
        switch (header.type()) {
            case START -> {
                flushParts();
                lines.add("%08x START%s/0 v4 -> blocks %s%s".formatted(sectionAt, id, list ? blocks() : "[]", end));
            }
            case PART -> {
                if (counted.equals(lastPart)) {
                    identicalParts++;
                } else {
                    flushParts();
                    lines.add("%08x PART%s records=%s%s".formatted(sectionAt, id, counted, end));
                    lastPart = counted;
                }
            }
            default -> {
                flushParts();
                lines.add("%08x END %s records=%s%s".formatted(sectionAt, id, counted, end));
            }
        }
    }

    private String blocks() {
        return ram.layout().blocks().stream()
                .map(block -> "('%s', %d)".formatted(block.id(), block.lengthBytes()))
                .toList()
                .toString();
    }

    @Override
    public void section(Section section) throws IOException {
        String type =
                section.type() == SectionType.END ? "END " : section.type().toString();
        line("%s id=%s '%s'".formatted(type, Integer.toUnsignedString(section.sectionId()), section.idstr())
                + (section.type() == SectionType.FULL
                        ? "/%d v%d size=%d"
                                .formatted(section.instanceId(), section.versionId(), section.payload().length)
                        : ""));
        sections.add(section);
        writer.section(section);
    }

    @Override
    public void endOfStream() throws IOException {
        line("EOF");
        writer.endOfStream();
    }

    @Override
    public void vmdescription(byte[] json) throws IOException {
        line("VMDESCRIPTION len=" + json.length);
        writer.vmdescription(json);
    }

    @Override
    public void blockList(RamBlockList blocks) throws IOException {
        ram.begin(blocks.layout());
        list = true;
        writer.blockList(blocks);
    }

    @Override
    public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException {
        record(RamFlags.ZERO | (continued ? RamFlags.CONTINUE : 0));
        lane.zeroPages(blockIndex, offsetBytes, Page.SIZE_BYTES);
        writer.zeroPage(blockIndex, offsetBytes, continued);
    }

    @Override
    public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) throws IOException {
        record(RamFlags.PAGE | (continued ? RamFlags.CONTINUE : 0));
        lane.pages(blockIndex, offsetBytes, content);
        writer.page(blockIndex, offsetBytes, continued, content);
    }

    @Override
    public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
            throws IOException {
        record(RamFlags.XBZRLE | (continued ? RamFlags.CONTINUE : 0));
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        lane.read(blockIndex, offsetBytes, page);
        try {
            Xbzrle.decode(delta, page);
        } catch (PageDecodingException e) {
            throw new IOException(e);
        }
        lane.pages(blockIndex, offsetBytes, page);
        writer.xbzrlePage(blockIndex, offsetBytes, continued, delta);
    }

    @Override
    public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
            throws IOException {
        record(RamFlags.COMPRESS_PAGE | (continued ? RamFlags.CONTINUE : 0));
        MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        try (ZlibPages pages = new ZlibPages()) {
            pages.decode(zlib, page);
        } catch (PageDecodingException e) {
            throw new IOException(e);
        }
        lane.pages(blockIndex, offsetBytes, page);
        writer.compressedPage(blockIndex, offsetBytes, continued, zlib);
    }

    @Override
    public void hook(long offsetBytes) throws IOException {
        record(RamFlags.HOOK);
        writer.hook(offsetBytes);
    }

    @Override
    public void multifdFlush() throws IOException {
        record(RamFlags.MULTIFD_FLUSH);
        writer.multifdFlush();
    }

    @Override
    public void endOfRecords() throws IOException {
        record(RamFlags.EOS);
        writer.endOfRecords();
    }
}
