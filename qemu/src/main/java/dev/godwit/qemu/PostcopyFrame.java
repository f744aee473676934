package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.ram.Page;
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
 * PART ram: records, EOS             pages that are there when the guest starts, if any
 * POSTCOPY_RAM_DISCARD               all that was not sent
 * PACKAGED: POSTCOPY_LISTEN, the devices' sections, PING 3, POSTCOPY_RUN
 * PART ram: records, EOS             any number, each closed at once
 * END ram: EOS
 * EOF                                no vmdescription
 * </pre>
 */
final class PostcopyFrame {

    /** As many ranges as QEMU puts into a command. */
    private static final int MOST_RANGES = 12;

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

    /** From the advice to the last sections that come before RAM's pages. */
    void announce() throws IOException {
        StreamWriter writer = frame.writer();
        writer.command(new Command.PostcopyAdvise(claims.hostPageSizes(), Page.SIZE_BYTES));
        frame.beginRam(SectionType.START);
        writer.blockList(blockList());
        frame.endRam();
        frame.sections(state.sections().stream().filter(Section::setup).toList());
    }

    /** From the discard of what is still to be sent to the start of the guest. */
    void run() throws IOException {
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            discard(block);
        }
        byte[] blob = packaged();
        frame.writer().command(new Command.Packaged(blob.length));
        frame.writer().packaged(blob);
    }

    private void discard(int block) throws IOException {
        String id = claims.layout().block(block).id();
        List<Command.RamDiscard.Range> ranges = new ArrayList<>();
        long hostPageBytes = claims.hostPageBytes(block);
        for (long page = claims.nextUnclaimed(block, 0); page >= 0; ) {
            long end = page + 1;
            while (end < claims.hostPages(block) && claims.isUnclaimed(block, end)) {
                end++;
            }
            ranges.add(new Command.RamDiscard.Range(page * hostPageBytes, (end - page) * hostPageBytes));
            page = end < claims.hostPages(block) ? claims.nextUnclaimed(block, end) : -1;
            if (ranges.size() == MOST_RANGES || page < 0) {
                frame.writer().command(new Command.RamDiscard(id, List.copyOf(ranges)));
                ranges.clear();
            }
        }
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
