package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what stands around the pages of a postcopy stream (qemu-migration specification sections 3.3, 3.6 and 3.8),
 * whatever they come from: a machine or a snapshot. What comes before the switch is at {@link PrecopyFrame}.
 *
 * <pre>
 * POSTCOPY_ADVISE                    before the block list
 * PART ram: records, EOS             pages that are there when the guest starts, if any
 * POSTCOPY_RAM_DISCARD               what is still to be sent: at most 12 ranges each, of one block
 * PING 2                             of a machine: it is stopped when this is answered
 * POSTCOPY_RAM_DISCARD               what it wrote of what was sent
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
    private final PageClaims claims;

    PostcopyFrame(PrecopyFrame frame, PageClaims claims) {
        this.frame = frame;
        this.claims = claims;
    }

    StreamWriter writer() {
        return frame.writer();
    }

    /**
     * Says that the guest may go first.
     *
     * @param hostPageSizesBytes of all blocks, or-ed
     */
    static void advise(StreamWriter writer, long hostPageSizesBytes) throws IOException {
        writer.command(new Command.PostcopyAdvise(hostPageSizesBytes, Page.SIZE_BYTES));
    }

    /** Says which pages the destination has to forget, because they follow. */
    void discards() throws IOException {
        discardsBesides(null);
    }

    /** The same, but for those it was told of before: the unclaimed ones of {@code told}, which nobody claims. */
    void discardsBesides(@Nullable PageClaims told) throws IOException {
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            List<Command.RamDiscard.Range> ranges = new ArrayList<>();
            long hostPageBytes = claims.hostPageBytes(block);
            long first = nextToTell(told, block, 0);
            while (first >= 0) {
                long end = claims.nextClaimed(block, first);
                long known = told == null ? -1 : told.nextUnclaimed(block, first);
                if (known >= 0) {
                    end = Math.min(end, known);
                }
                ranges.add(new Command.RamDiscard.Range(first * hostPageBytes, (end - first) * hostPageBytes));
                if (ranges.size() == MOST_RANGES) {
                    discard(block, ranges);
                    ranges.clear();
                }
                first = nextToTell(told, block, end);
            }
            if (!ranges.isEmpty()) {
                discard(block, ranges);
            }
        }
    }

    private long nextToTell(@Nullable PageClaims told, int block, long from) {
        long page = claims.nextUnclaimed(block, from);
        while (told != null && page >= 0 && told.isUnclaimed(block, page)) {
            page = claims.nextUnclaimed(block, told.nextClaimed(block, page));
        }
        return page;
    }

    private void discard(int block, List<Command.RamDiscard.Range> ranges) throws IOException {
        writer().command(new Command.RamDiscard(claims.layout().block(block).id(), ranges));
    }

    /** Sends the devices, and lets the guest run. */
    void packaged(List<Section> devices) throws IOException {
        byte[] blob = MachinePackage.write(devices, PostcopyAnswers.PING_BEFORE_RUN);
        writer().command(new Command.Packaged(blob.length));
        writer().packaged(blob);
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
