package dev.godwit.qemu;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A live machine as QEMU's stream. The settings are made first; the frame of the stream is at {@link PrecopyFrame}, and
 * where the guest goes first at {@link PostcopyFrame}.
 */
public final class MachineStream implements OutgoingStream {

    private static final String LEGACY = "legacy";
    private static final String NONE = "none";

    private final Machine machine;
    private final WritableByteChannel channel;
    private final Set<MigrationCapability> capabilities;
    private final Supplier<MigrationParameters> parameters;
    private final ByteOutput output;
    private final PrecopyFrame frame;
    private final MachinePages pages;
    private final Configuration configuration;
    private @Nullable ReadableByteChannel answers;
    private @Nullable OutputEnd outputEnd;
    private volatile @Nullable ReturnPathReader reader;
    private volatile @Nullable IOException routeFailure;
    private @Nullable PageRoute route;
    private OutgoingPostcopy.@Nullable SecondConnection second;
    private @Nullable WritableByteChannel preempt;
    private @Nullable PageClaims discarded;
    private @Nullable XbzrlePages xbzrle;
    private boolean oneRoundDone;

    /**
     * A stream that has not begun.
     *
     * @param channel in blocking mode; closed by this stream
     * @param capabilities those that are on
     * @param parameters is asked for the size of the XBZRLE cache and for who looks for zero pages
     */
    public MachineStream(
            Machine machine,
            WritableByteChannel channel,
            Set<MigrationCapability> capabilities,
            Supplier<MigrationParameters> parameters) {
        this.machine = machine;
        this.channel = channel;
        this.capabilities = Set.copyOf(capabilities);
        this.parameters = parameters;
        this.output = new ByteOutput(channel);
        this.frame = new PrecopyFrame(new StreamWriter(output), MachineSections.RAM_SECTION_ID);
        this.pages = new MachinePages(machine.memory(), frame.writer());
        this.configuration = new Configuration(
                machine.type(),
                OptionalInt.empty(),
                List.of(),
                has(MigrationCapability.VALIDATE_UUID) ? machine.uuid() : Optional.empty());
        if (has(MigrationCapability.XBZRLE)) {
            xbzrle = new XbzrlePages(pages, cacheBytes());
        }
    }

    /**
     * Opens the return path: the destination is asked to answer, and listened to.
     *
     * @param back the other direction of the channel; closed with it
     * @param end ends the channel's output, so that a cancelled migration's destination can have the last word
     */
    public MachineStream returnPath(ReadableByteChannel back, OutputEnd end) {
        answers = back;
        outputEnd = end;
        return this;
    }

    /**
     * Sends the content of pages another way.
     *
     * @param other multifd; closed by this stream
     */
    public MachineStream route(PageRoute other) {
        route = other;
        return this;
    }

    /**
     * Sends what is asked for in postcopy over a connection of its own.
     *
     * @param connection opens it, just before the switch
     */
    public MachineStream preempt(OutgoingPostcopy.SecondConnection connection) {
        second = connection;
        return this;
    }

    private boolean has(MigrationCapability capability) {
        return capabilities.contains(capability);
    }

    private long cacheBytes() {
        return parameters.get().number(MigrationParameter.XBZRLE_CACHE_SIZE);
    }

    /**
     * A channel of the route has failed: nothing goes on, and that is why, not that the main channel is closed for it.
     * From any thread.
     */
    public void routeFailed(IOException cause) {
        routeFailure = new IOException("a multifd channel failed: " + cause.getMessage(), cause);
        tellRouteFailure();
        abort();
    }

    /** To whoever listens to the destination, as soon as there is somebody. */
    private void tellRouteFailure() {
        ReturnPathReader hearing = reader;
        IOException failure = routeFailure;
        if (hearing != null && failure != null) {
            hearing.lose(failure);
        }
    }

    @Override
    public void start(ReturnPathListener listener) throws IOException {
        frame.begin(configuration, answers != null);
        if (answers != null) {
            reader = new ReturnPathReader(answers, listener);
            tellRouteFailure();
            output.flush();
        }
        boolean postcopy = has(MigrationCapability.POSTCOPY_RAM);
        List<Long> hostPageBytes = machine.memory().hostPageBytes();
        if (postcopy) {
            PostcopyFrame.advise(
                    frame.writer(), hostPageBytes.stream().reduce((long) Page.SIZE_BYTES, (all, one) -> all | one));
        }
        RamLayout layout = machine.memory().layout();
        frame.beginStart(postcopy ? RamBlockList.of(layout, hostPageBytes) : RamBlockList.of(layout));
        syncRoute();
        frame.endRam();
        output.flush();
    }

    @Override
    public boolean hasReturnPath() {
        return answers != null;
    }

    @Override
    public void beginPass(long pass) {
        if (xbzrle != null) {
            xbzrle.beginPass(pass);
        }
    }

    @Override
    public void beginPart() throws IOException {
        if (xbzrle != null) {
            xbzrle.cacheBytes(cacheBytes());
        }
        frame.beginRam(SectionType.PART);
    }

    @Override
    public void pages(int blockIndex, long firstPage, long count) throws IOException {
        String detection = parameters.get().text(MigrationParameter.ZERO_PAGE_DETECTION);
        if (route != null) {
            routed(route, detection, blockIndex, firstPage, count);
            return;
        }
        boolean findZeros = !detection.equals(NONE);
        XbzrlePages differences = oneRoundDone ? xbzrle : null;
        long endPage = firstPage + count;
        long page = firstPage;
        while (page < endPage) {
            long contentEnd = findZeros ? pages.contentEnd(blockIndex, page, endPage) : endPage;
            for (; page < contentEnd; page++) {
                content(blockIndex, page, differences);
            }
            if (page == endPage) {
                return;
            }
            long zerosEnd = pages.zerosEnd(blockIndex, page, endPage);
            if (zerosEnd == page) {
                content(blockIndex, page, differences);
                page++;
            }
            for (; page < zerosEnd; page++) {
                pages.zero(blockIndex, page);
                if (differences != null) {
                    differences.sentZero(blockIndex, page);
                }
            }
        }
    }

    private void content(int blockIndex, long page, @Nullable XbzrlePages differences) throws IOException {
        if (differences == null) {
            pages.lent(blockIndex, page);
        } else {
            differences.page(blockIndex, page);
        }
    }

    /** With legacy detection the main channel says which pages are zero; with multifd's, the channels do. */
    private void routed(PageRoute other, String detection, int blockIndex, long firstPage, long count)
            throws IOException {
        if (!detection.equals(LEGACY)) {
            other.pages(blockIndex, firstPage, count);
            return;
        }
        long endPage = firstPage + count;
        long runStart = firstPage;
        long page = firstPage;
        while (page < endPage) {
            long zerosEnd = pages.zerosEnd(blockIndex, page, endPage);
            if (zerosEnd == page) {
                page++;
                continue;
            }
            if (page > runStart) {
                other.pages(blockIndex, runStart, page - runStart);
            }
            for (; page < zerosEnd; page++) {
                pages.zero(blockIndex, page);
            }
            runStart = page;
        }
        if (endPage > runStart) {
            other.pages(blockIndex, runStart, endPage - runStart);
        }
    }

    @Override
    public void endOfRound() throws IOException {
        oneRoundDone = true;
        syncRoute();
    }

    /** The marker has to arrive: until it does the destination reads no channel on, and a full one stops its thread. */
    private void syncRoute() throws IOException {
        if (route != null) {
            route.sync();
            frame.writer().multifdFlush();
            output.flush();
        }
    }

    @Override
    public void endPart() throws IOException {
        frame.endRam();
        output.flush();
    }

    @Override
    public void switchover() throws IOException {
        frame.writer().command(new Command.SwitchoverStart());
        output.flush();
    }

    @Override
    public void beginLast() throws IOException {
        if (xbzrle != null) {
            xbzrle.beginLast();
        }
        frame.beginRam(SectionType.END);
    }

    @Override
    public void endLast() throws IOException {
        syncRoute();
        frame.endRam();
        output.flush();
    }

    @Override
    public void devices(MachineState state, RunStatus before) throws IOException {
        VmState devices = MachineSections.vmState(configuration, state, before);
        frame.sections(devices.sections());
        frame.end(devices.vmdescription());
    }

    @Override
    public void preparePostcopy(PageClaims left) throws IOException {
        if (reader == null) {
            throw new IOException("postcopy needs a return path");
        }
        if (second != null) {
            // Only now does the destination know which of the two is the main one.
            reader.awaitPong(PrecopyFrame.PING_AT_START, PostcopySender.ANSWER_TIMEOUT_MS);
            preempt = second.open();
        }
        // The guest need not stand still while most of RAM is forgotten, nor while what was sent before is taken in.
        new PostcopyFrame(frame, left).discards();
        frame.writer().command(new Command.Ping(PostcopyAnswers.PING_BEFORE_PACKAGE));
        output.flush();
        reader.awaitPong(PostcopyAnswers.PING_BEFORE_PACKAGE, PostcopySender.ANSWER_TIMEOUT_MS);
        discarded = left;
    }

    @Override
    public PostcopyStream handOver(PostcopyWork work, MachineState state, RunStatus before) throws IOException {
        if (reader == null || discarded == null) {
            throw new IllegalStateException("handOver before preparePostcopy");
        }
        PostcopySender sender = new PostcopySender(work, output, frame).awaitingRun();
        reader.handTo(sender.answers());
        sender.frame().discardsBesides(discarded);
        sender.frame()
                .packaged(MachineSections.sections(
                        MachinePackage.devices(configuration, state, before), MachineSections.RAM_SECTION_ID + 1));
        output.flush();
        return MachinePostcopy.afterHandover(sender, Optional.ofNullable(preempt), this::abort);
    }

    @Override
    public void end() throws IOException {
        if (route != null) {
            route.finish();
        }
        output.flush();
    }

    @Override
    public long transferredBytes() {
        return output.position() + (route == null ? 0 : route.sentBytes());
    }

    @Override
    public TransferCounters counters() {
        PageRoute other = route;
        return new TransferCounters(
                transferredBytes(),
                other == null ? 0 : other.sentBytes(),
                pages.normalPages() + (other == null ? 0 : other.normalPages()),
                pages.zeroPages() + (other == null ? 0 : other.zeroPages()),
                xbzrle == null ? Optional.empty() : Optional.of(xbzrle.counters()));
    }

    @Override
    @SuppressWarnings("EmptyCatch") // a connection that is gone has an end already
    public void endOutput() {
        if (outputEnd != null) {
            try {
                outputEnd.endOutput();
            } catch (IOException _) {
                // see above
            }
        }
    }

    @Override
    public void abort() {
        if (route != null) {
            route.abort();
        }
        closeAll();
    }

    /** Each one, whatever becomes of the others. {@return what failed, or null} */
    private @Nullable IOException closeAll() {
        IOException failure = null;
        for (AutoCloseable open : Arrays.asList(channel, answers, preempt)) {
            try {
                if (open != null) {
                    open.close();
                }
            } catch (Exception e) {
                failure = failure == null ? new IOException("a channel cannot be closed", e) : failure;
            }
        }
        return failure;
    }

    @Override
    public void close() throws IOException {
        IOException failure = closeAll();
        try {
            if (route != null) {
                route.close();
            }
        } finally {
            if (reader != null) {
                reader.join();
            }
            if (xbzrle != null) {
                xbzrle.close();
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
