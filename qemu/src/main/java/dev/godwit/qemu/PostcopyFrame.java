package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * Writes what stands around the pages of a postcopy stream that begins with the switch (qemu-migration specification
 * sections 3.6 and 3.8).
 *
 * <pre>
 * header, configuration without capabilities
 * OPEN_RETURN_PATH, PING 1, POSTCOPY_ADVISE
 * START ram: block list, EOS         then the sections that come before RAM's pages
 * POSTCOPY_RAM_DISCARD               each block whole
 * PACKAGED: POSTCOPY_LISTEN, the devices' sections, PING 3, POSTCOPY_RUN
 * PART ram: records, EOS             any number, each closed at once
 * END ram: EOS
 * EOF                                no vmdescription
 * </pre>
 */
final class PostcopyFrame {

    private final PrecopyFrame frame;
    private final VmState state;
    private final PageClaims claims;

    PostcopyFrame(ByteOutput output, VmState state, PageClaims claims) {
        this.frame = new PrecopyFrame(new StreamWriter(output, claims.layout()), state.ramSectionId());
        this.state = state;
        this.claims = claims;
    }

    StreamWriter writer() {
        return frame.writer();
    }

    /** Up to the first PING, whose answer shows that the destination has taken the connection for the main one. */
    void begin() throws IOException {
        frame.begin(state.configuration().withCapabilities(List.of()), true);
    }

    /** From the advice to the start of the guest. */
    void run() throws IOException {
        StreamWriter writer = frame.writer();
        writer.command(new Command.PostcopyAdvise(claims.hostPageSizes(), Page.SIZE_BYTES));
        frame.beginRam(SectionType.START);
        writer.blockList(blockList());
        frame.endRam();
        frame.sections(state.sections().stream().filter(Section::setup).toList());
        for (RamBlock block : claims.layout().blocks()) {
            writer.command(
                    new Command.RamDiscard(block.id(), List.of(new Command.RamDiscard.Range(0, block.lengthBytes()))));
        }
        byte[] blob = packaged();
        writer.command(new Command.Packaged(blob.length));
        writer.packaged(blob);
    }

    private RamBlockList blockList() {
        List<RamBlockList.Entry> entries = new ArrayList<>();
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            long bytes = claims.hostPageBytes(block);
            entries.add(new RamBlockList.Entry(
                    claims.layout().block(block),
                    bytes == Page.SIZE_BYTES ? OptionalLong.empty() : OptionalLong.of(bytes),
                    OptionalLong.empty()));
        }
        return new RamBlockList(entries);
    }

    private byte[] packaged() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        StreamWriter writer = new StreamWriter(output);
        writer.command(new Command.PostcopyListen());
        for (Section section : state.sections()) {
            if (!section.setup()) {
                writer.section(section);
            }
        }
        writer.command(new Command.Ping(PostcopyAnswers.PING_BEFORE_RUN));
        writer.command(new Command.PostcopyRun());
        output.flush();
        return bytes.toByteArray();
    }

    void beginPart() throws IOException {
        frame.beginRam(SectionType.PART);
    }

    void endPart() throws IOException {
        frame.endRam();
    }

    void end() throws IOException {
        frame.beginRam(SectionType.END);
        frame.endRam();
        frame.writer().endOfStream();
    }
}
