package dev.godwit.qemu;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.RateLimit;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.Set;

/**
 * Sends a guest that stands still as an ordinary precopy stream, which every QEMU from 7.2 on loads. The settings are
 * made first, then {@link #send} does the work once.
 *
 * <pre>
 * header, configuration (without mapped-ram)
 * OPEN_RETURN_PATH, PING 1           where there is a return path
 * START ram: block list, EOS         then the sections that came before RAM's pages
 * PART ram: ZERO and PAGE records    one or more
 * END ram: EOS                       then the other sections
 * EOF, VMDESCRIPTION
 * </pre>
 *
 * <p>Pages that are zero are sent too: a fresh destination has content of its own, such as its firmware's.
 */
public final class OutgoingPrecopy {

    /** Pages are read from the source in runs of this many, and written with their headers. */
    private static final int RUN_PAGES = 256;

    /** After this much a PART section ends; QEMU ends one every 50 ms, and looks at its other business then. */
    private static final long PART_BYTES = 16 << 20;

    private final RamSource ram;
    private final VmState state;
    private boolean returnPath;
    private long bytesPerSecond;
    private Progress progress = Progress.NONE;
    private Clock clock = Clock.SYSTEM;
    private Set<Integer> leftOut = Set.of();

    /**
     * A migration.
     *
     * @param ram the pages
     * @param state everything else
     */
    public OutgoingPrecopy(RamSource ram, VmState state) {
        this.ram = ram;
        this.state = state;
    }

    /** Asks the destination to answer: the caller reads its messages with {@link ReturnPathMessages}. */
    public OutgoingPrecopy returnPath() {
        returnPath = true;
        return this;
    }

    /**
     * Limits the rate at which RAM is sent.
     *
     * @param limit 0 for none
     */
    public OutgoingPrecopy maxBytesPerSecond(long limit) {
        bytesPerSecond = limit;
        return this;
    }

    /**
     * Names the blocks that the destination has already, by their index: they are announced, and no page of them is
     * sent (qemu-migration specification section 1.5).
     */
    public OutgoingPrecopy withoutPagesOf(Set<Integer> blockIndexes) {
        leftOut = Set.copyOf(blockIndexes);
        return this;
    }

    /** Sets who hears how far it is. */
    public OutgoingPrecopy progress(Progress listener) {
        progress = listener;
        return this;
    }

    OutgoingPrecopy clock(Clock other) {
        clock = other;
        return this;
    }

    /**
     * Sends everything. Whether the destination has taken it is for the return path to say.
     *
     * @param channel in blocking mode; not closed here
     * @throws IOException if a page cannot be read or the channel fails; the destination has not enough to run
     */
    public void send(WritableByteChannel channel) throws IOException {
        List<String> capabilities = state.configuration().capabilities();
        if (capabilities.contains(Configuration.X_IGNORE_SHARED)) {
            throw new MigrationException(
                    "the guest was saved with x-ignore-shared, by which its shared RAM is missing",
                    GuestLocation.GUEST_AT_SOURCE);
        }
        ByteOutput output = new ByteOutput(channel);
        PrecopyFrame frame = new PrecopyFrame(new StreamWriter(output), state.ramSectionId());
        frame.begin(
                state.configuration()
                        .withCapabilities(capabilities.stream()
                                .filter(capability -> !capability.equals(Configuration.MAPPED_RAM))
                                .toList()),
                returnPath);
        frame.beginStart(RamBlockList.of(ram.layout()));
        frame.endRam();
        frame.sections(state.sections().stream().filter(Section::setup).toList());
        output.flush();
        sendPages(output, frame);
        frame.beginRam(SectionType.END);
        frame.endRam();
        frame.sections(
                state.sections().stream().filter(section -> !section.setup()).toList());
        frame.end(state.vmdescription());
        output.flush();
    }

    private void sendPages(ByteOutput output, PrecopyFrame frame) throws IOException {
        progress.phase("sending RAM", bytesToSend());
        RateLimit limit = new RateLimit(bytesPerSecond, clock);
        int runPages = Math.clamp(limit.stepBytes() / Page.SIZE_BYTES, 1, RUN_PAGES);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment run = arena.allocate((long) runPages * Page.SIZE_BYTES, Page.SIZE_BYTES);
            frame.beginRam(SectionType.PART);
            long partStart = output.position();
            for (int block = 0; block < ram.layout().blocks().size(); block++) {
                if (leftOut.contains(block)) {
                    continue;
                }
                RamBlock sent = ram.layout().block(block);
                PageBitmap present = ram.present(block);
                for (long page = 0; page < sent.pages(); page += runPages) {
                    if (output.position() - partStart >= PART_BYTES) {
                        frame.endRam();
                        frame.beginRam(SectionType.PART);
                        partStart = output.position();
                    }
                    int pages = (int) Math.min(runPages, sent.pages() - page);
                    sendRun(frame.writer(), block, present, page, run.asSlice(0, (long) pages * Page.SIZE_BYTES));
                    progress.advance((long) pages * Page.SIZE_BYTES);
                    await(limit, output);
                }
            }
            frame.endRam();
        }
    }

    private long bytesToSend() {
        long bytes = 0;
        for (int block = 0; block < ram.layout().blocks().size(); block++) {
            bytes += leftOut.contains(block) ? 0 : ram.layout().block(block).lengthBytes();
        }
        return bytes;
    }

    private void sendRun(StreamWriter writer, int block, PageBitmap present, long firstPage, MemorySegment run)
            throws IOException {
        long pages = run.byteSize() / Page.SIZE_BYTES;
        long nextPresent = present.nextSet(firstPage);
        boolean empty = nextPresent < 0 || nextPresent >= firstPage + pages;
        if (!empty) {
            ram.read(block, firstPage * Page.SIZE_BYTES, run);
        }
        for (long page = firstPage; page < firstPage + pages; page++) {
            long offsetBytes = page * Page.SIZE_BYTES;
            long inRun = offsetBytes - firstPage * Page.SIZE_BYTES;
            if (empty || !present.get(page) || ZeroPages.isZero(run, inRun)) {
                writer.zeroPage(block, offsetBytes, page > 0);
            } else {
                writer.page(block, offsetBytes, page > 0, run.asSlice(inRun, Page.SIZE_BYTES));
            }
        }
    }

    private static void await(RateLimit limit, ByteOutput output) throws IOException {
        try {
            if (limit.isUsedUp(output.position())) {
                output.flush();
                limit.sleepToEnd();
            }
            limit.turn(output.position());
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the rate limit held the migration");
        }
    }
}
