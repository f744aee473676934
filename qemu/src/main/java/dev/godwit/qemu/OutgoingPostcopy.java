package dev.godwit.qemu;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.qemu.vmstate.MachinePackage;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Sends a guest that stands still by postcopy: it runs at the destination before any page of its RAM is there, pages
 * that it touches are sent when the destination asks for them, and the rest is pushed. The settings are made first,
 * then {@link #send} or {@link #resume} does the work of one connection, once.
 *
 * <p>Before the destination has answered the PING behind the devices' state, an error ends a QEMU; from then on it
 * keeps the guest, whose missing pages block whoever touches them, until {@link #resume} over a new connection brings
 * them. A page that cannot be read is an error like a broken connection: no page is ever answered by zeros that it does
 * not have.
 */
public final class OutgoingPostcopy {

    /** Opens the second connection, for pages that are asked for (capability {@code postcopy-preempt}). */
    @FunctionalInterface
    public interface SecondConnection {
        /** {@return a connection that the caller closes} */
        WritableByteChannel open() throws IOException;
    }

    private final RamSource ram;
    private final VmState state;
    private final PageClaims claims;
    private final PushOrder order;
    private final PostcopyCounters counters;
    private Progress progress = Progress.NONE;
    private Runnable onRun = () -> {};
    private @Nullable SecondConnection second;
    private boolean secondEndsWithEos;
    private PushPace pace = new PushPace();
    private long answerTimeoutMs = 60_000;
    private List<PagePlace> early = List.of();

    /**
     * A migration over one connection.
     *
     * @param ram the pages
     * @param state everything else; all sections are of devices
     * @param claims which pages are still to be sent; for {@link #resume} new ones, from which those received are taken
     * @param order of the push, over the same claims
     * @param counters go on counting
     */
    public OutgoingPostcopy(
            RamSource ram, VmState state, PageClaims claims, PushOrder order, PostcopyCounters counters) {
        this.ram = ram;
        this.state = state;
        this.claims = claims;
        this.order = order;
        this.counters = counters;
    }

    /** Limits the push; what is asked for is sent at once nevertheless. */
    public OutgoingPostcopy pace(PushPace limits) {
        pace = limits;
        return this;
    }

    OutgoingPostcopy answerTimeoutMs(long timeoutMs) {
        answerTimeoutMs = timeoutMs;
        return this;
    }

    /**
     * Names host pages that are sent before the guest runs: it will touch them at once, and need not wait for them
     * then. Not all of RAM: a destination from which nothing is discarded takes no postcopy.
     */
    public OutgoingPostcopy beforeRun(List<PagePlace> hostPages) {
        early = List.copyOf(hostPages);
        return this;
    }

    /** Sets who hears how far it is, in bytes of RAM with content. */
    public OutgoingPostcopy progress(Progress listener) {
        progress = listener;
        return this;
    }

    /** Sets what is called, from another thread, when the destination is about to let the guest run. */
    public OutgoingPostcopy onRun(Runnable listener) {
        onRun = listener;
        return this;
    }

    /**
     * Sends what is asked for over a connection of its own.
     *
     * @param endsWithEos whether the destination wants it from the start and its end to be said, as machine types up to
     *     7.2 do
     */
    public OutgoingPostcopy preempt(SecondConnection connection, boolean endsWithEos) {
        second = connection;
        secondEndsWithEos = endsWithEos;
        return this;
    }

    /**
     * Sends everything and returns when the destination has said that it is there.
     *
     * @param channel in blocking mode; not closed here
     * @throws UnreadablePageException if a page cannot be read; the destination has to be resumed from elsewhere
     * @throws IOException if the connection fails, or the destination does; what it has then, {@link #onRun} tells
     */
    public <C extends ReadableByteChannel & WritableByteChannel> void send(C channel) throws IOException {
        ByteOutput output = new ByteOutput(channel);
        PrecopyFrame frame = frame(output);
        PostcopySender sender = new PostcopySender(work(), output, frame).answerTimeoutMs(answerTimeoutMs);
        frame.begin(state.configuration().withCapabilities(List.of()), true);
        output.flush();
        sender.answers().hear(channel);
        if (second == null) {
            run(frame, sender, output);
            sender.sendPages();
            return;
        }
        if (!secondEndsWithEos) {
            // Only now does the destination know which of the two is the main one. An older one wants both at once.
            sender.answers().awaitAlive(answerTimeoutMs);
        }
        try (WritableByteChannel preempt = second.open()) {
            run(frame, sender, output);
            sender.sendPages(preempt, secondEndsWithEos);
        }
    }

    private PostcopyWork work() {
        return new PostcopyWork(ram, claims, order, counters, pace, () -> 0, progress, PostcopyWork.onRun(onRun));
    }

    private PrecopyFrame frame(ByteOutput output) {
        return new PrecopyFrame(new StreamWriter(output, claims.layout()), state.ramSectionId());
    }

    /** From the advice to the start of the guest. */
    private void run(PrecopyFrame frame, PostcopySender sender, ByteOutput output) throws IOException {
        PostcopyFrame.advise(frame.writer(), claims.hostPageSizes());
        frame.beginStart(RamBlockList.of(
                claims.layout(),
                IntStream.range(0, claims.layout().blocks().size())
                        .mapToObj(claims::hostPageBytes)
                        .toList()));
        frame.endRam();
        frame.sections(state.sections().stream().filter(Section::setup).toList());
        sender.frame()
                .discards(); // before the early pages: from here on the destination takes no huge page for a small one
        new EarlyPages(ram, claims, counters, progress).send(early, sender.frame());
        sender.frame().packaged(MachinePackage.sections(state));
        output.flush();
    }

    /**
     * Does the same for a destination that lost its source in the postcopy phase and waits for it to come back.
     *
     * @throws UnreadablePageException if a page cannot be read; the destination has to be resumed from elsewhere
     * @throws IOException if the connection fails; the destination can be resumed again
     */
    public <C extends ReadableByteChannel & WritableByteChannel> void resume(C channel) throws IOException {
        ByteOutput output = new ByteOutput(channel);
        PostcopySender sender = new PostcopySender(work(), output, frame(output)).answerTimeoutMs(answerTimeoutMs);
        sender.answers().runsAlready();
        sender.answers().hear(channel);
        sender.askForReceived();
        if (second == null) {
            sender.goOn();
            sender.sendPages();
            return;
        }
        try (WritableByteChannel preempt = second.open()) {
            sender.goOn();
            sender.sendPages(preempt, secondEndsWithEos);
        }
    }
}
