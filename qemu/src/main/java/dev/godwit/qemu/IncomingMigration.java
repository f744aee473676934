package dev.godwit.qemu;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Receives a precopy or background-snapshot stream: pages go to a {@link RamSink}, everything else comes back as a
 * {@link VmState}. The settings are made first, then {@link #into} does the work once.
 *
 * <p>With a return path the source's PINGs are answered; whether all is well ({@link ReturnPath#shut}) is said by the
 * caller, when what was received is safe. COLO and RAM that is shared and not sent are refused by name, and postcopy
 * unless it is asked for.
 */
public final class IncomingMigration {

    /** Ends of the idstr of devices by which a guest gives memory back, which is then not sent. */
    private static final List<String> MAY_LEAVE_OUT = List.of("virtio-mem-device-early", "virtio-balloon");

    private final ByteInput input;
    private @Nullable InputEnd inputEnd;
    private @Nullable ReturnPath returnPath;
    private boolean switchoverAck;
    private @Nullable MultifdSync multifd;
    private MultifdSync.Mode multifdMode = MultifdSync.Mode.AS_START_SHOWS;
    private Set<String> hugePageBlocks = Set.of();
    private Progress progress = Progress.NONE;
    private ConfigurationCheck configurationCheck = ConfigurationCheck.NONE;
    private @Nullable GuestGivenUp givenUp;
    private PostcopyCommands postcopy = PostcopyCommands.REFUSED;
    private boolean returnPathOpened;
    private long neverSentPages;

    private IncomingMigration(ByteInput input) {
        this.input = input;
    }

    /**
     * {@return a migration that comes from a channel}
     *
     * @param channel at the stream's header, in blocking mode; not closed here
     */
    public static IncomingMigration from(ReadableByteChannel channel) {
        return from(new ByteInput(channel));
    }

    /** {@return a migration that is read from an input at the stream's header} */
    public static IncomingMigration from(ByteInput input) {
        return new IncomingMigration(input);
    }

    /**
     * Answers the source. The channel is then taken for one that stays open behind the stream; without this it has to
     * end there, and what a recorded stream says about a return path is passed over.
     */
    public IncomingMigration returnPath(ReturnPath path) {
        this.returnPath = path;
        return this;
    }

    /**
     * Sets how the channel's input is ended, for a source with a return path and without a vmdescription: there nothing
     * but silence ends the stream, and without this the source is waited for until it hangs up.
     */
    public IncomingMigration inputEnd(InputEnd end) {
        this.inputEnd = end;
        return this;
    }

    /** Sends SWITCHOVER_ACK as soon as the return path is open: for a source that has {@code switchover-ack} on. */
    public IncomingMigration switchoverAck() {
        this.switchoverAck = true;
        return this;
    }

    /** Keeps multifd channels in step with the main stream, as its START section shows that the source does it. */
    public IncomingMigration multifd(MultifdSync sync) {
        return multifd(sync, MultifdSync.Mode.AS_START_SHOWS);
    }

    /** Keeps multifd channels in step with the main stream. Without them a stream that needs them is refused. */
    public IncomingMigration multifd(MultifdSync sync, MultifdSync.Mode mode) {
        this.multifd = sync;
        this.multifdMode = mode;
        return this;
    }

    /** Names the blocks that huge pages back at the source, which has to be known where postcopy-ram is on. */
    public IncomingMigration hugePageBlocks(Set<String> ids) {
        this.hugePageBlocks = Set.copyOf(ids);
        return this;
    }

    /** Sets what looks at the configuration before RAM is taken. */
    public IncomingMigration configurationCheck(ConfigurationCheck check) {
        this.configurationCheck = check;
        return this;
    }

    /**
     * Takes a postcopy too: its RUN runs nothing here, and its pages are received to the last.
     *
     * @param listener hears when the source has given its guest up
     */
    public IncomingMigration postcopy(GuestGivenUp listener) {
        this.givenUp = listener;
        return this;
    }

    /** Sets who hears how far it is. */
    public IncomingMigration progress(Progress listener) {
        this.progress = listener;
        return this;
    }

    /**
     * {@return whether the source has opened the return path, and so waits for the last word; after {@link #into},
     * failed or not}
     */
    public boolean returnPathOpened() {
        return returnPathOpened;
    }

    /** {@return how many pages of the machine the source never sent, and which are zero now; after {@link #into}} */
    public long neverSentPages() {
        return neverSentPages;
    }

    /**
     * Receives the stream to its end.
     *
     * @param sink takes the pages; begun by this call. Where multifd channels bring pages too, they and this have one
     *     {@link ReceivedPages} before their sink, which is given here
     * @return everything but the pages
     * @throws dev.godwit.engine.StreamFormatException if the stream is damaged, cut off, or not supported, or leaves
     *     pages out though no device accounts for it; the sink holds an unknown part
     * @throws IOException if the channel, the return path, a multifd channel or the sink fails; likewise
     */
    public VmState into(RamSink sink) throws IOException {
        try (IncomingReading reading = open(sink)) {
            reading.toEnd();
            return finish(reading, sink);
        }
    }

    /** Sets what is done about postcopy, which is refused otherwise; for {@link #open}. */
    IncomingMigration postcopy(PostcopyCommands commands) {
        this.postcopy = commands;
        return this;
    }

    /** {@return the reading of the stream, which the caller does, and then calls {@link #finish}} */
    IncomingReading open(RamSink sink) {
        StreamOptions options =
                (returnPath == null ? StreamOptions.ENDS : StreamOptions.STAYS_OPEN).withHugePageBlocks(hugePageBlocks);
        if (returnPath != null && inputEnd != null) {
            options = options.withInputEnd(inputEnd);
        }
        ReceivedPages received = sink instanceof ReceivedPages given ? given : new ReceivedPages(sink);
        IncomingPages pages = new IncomingPages(input, received, multifd, multifdMode, progress);
        Optional<KeptPostcopy> kept = Optional.ofNullable(givenUp).map(listener -> new KeptPostcopy(listener, pages));
        IncomingElements elements = new IncomingElements(
                input, pages, returnPath, switchoverAck, configurationCheck, kept.isPresent() ? kept.get() : postcopy);
        kept.ifPresent(keeping -> keeping.collectedBy(elements));
        return new IncomingReading(
                new StreamReader(input, options, elements), elements, pages, received, open -> returnPathOpened = open);
    }

    /** {@return everything but the pages of a precopy stream that was read to its end} */
    VmState finish(IncomingReading reading, RamSink sink) throws IOException {
        VmState state = reading.elements().finish();
        if (multifd == null || reading.received().equals(sink)) {
            checkPages(reading.received(), state);
        }
        return state;
    }

    /** Pages that never came went over channels that we know nothing of, or the guest has let go of them. */
    private void checkPages(ReceivedPages received, VmState state) throws IOException {
        neverSentPages = received.neverSentPages();
        boolean letGo = state.sections().stream()
                .anyMatch(section -> MAY_LEAVE_OUT.stream().anyMatch(section.idstr()::endsWith));
        if (neverSentPages > 0 && !letGo) {
            input.section("ram");
            throw input.unexpected(
                    "every page of RAM at least once",
                    "none for " + neverSentPages + " of them; if the source's capability multifd is on, give its number"
                            + " of channels and its compression");
        }
    }
}
